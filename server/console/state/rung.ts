import { conversationOf } from '../../../shared/conversation.ts'
import type { Conversation } from '../../../shared/conversation.ts'
import { isRecord } from '../../../shared/json.ts'
import { isPosition } from '../../../shared/position.ts'
import { FEED } from '../../../shared/room.ts'
import { parseConversation } from './conversations.ts'
import type { NoticeRow } from './feed.ts'
import { placeOf } from './open-recall.ts'
import { BURST_KEYS } from './ring-rules.ts'
import type { RecallPlace } from './place.ts'

/** One text that is stored. */
export interface TextStore {
  get(): string | null
  set(text: string): void
}

/** A recall that rang, as far as its ring shows it. */
export interface Rung {
  /** In the log of the feed. */
  readonly place: RecallPlace
  readonly conversation: Conversation
  readonly operator: string | undefined
  readonly messages: number
  readonly recalledAtMs: number
  /** Somebody made it to test the gateway: nothing was recalled. */
  readonly isTest: boolean
}

/** Something that rang. */
export interface Ring {
  readonly id: number
  /** The name of its rule. */
  readonly rule: string
  /** When, by the gateway's clock. */
  readonly atMs: number
  /** How many recalls it is about, with those that followed during the cool-down. */
  readonly recalls: number
  /** The first and the latest of them, oldest first. */
  readonly rung: readonly Rung[]
  /** Of a burst: who or what it is of, empty if of all together, and how many were counted. */
  readonly burst?: {
    readonly per: (typeof BURST_KEYS)[number]
    readonly of: string
    readonly count: number
  }
  /** Whether it is about recalls that came late, or while this page was away. */
  readonly isLate: boolean
  /** Whether some of its recalls are by another operator than the first. */
  readonly hasOthers: boolean
  /** Whether some of them are of another conversation than the first. */
  readonly isElsewhere: boolean
}

export function rungOf(row: NoticeRow): Rung {
  const { notice } = row
  return {
    place: placeOf(row),
    conversation: conversationOf(notice),
    operator: 'operator' in notice ? notice.operator : undefined,
    messages: notice.messages.length,
    recalledAtMs: notice.recalledAtMs,
    isTest: 'test' in notice,
  }
}

/**
 * What tells a ring from all others of this browser: a notification with the tag of one that is still there takes its place without a sound.
 * Ids begin anew in each tab, and once rings were cleared away.
 */
export const tagOf = ({ rule, id, atMs }: Ring): string => `recall-gateway ${atMs} ${id} ${rule}`

/** What a reload of the tab must not lose. */
export interface Remembered {
  /** Newest first. */
  readonly rings: readonly Ring[]
  /** Rings up to this one have been seen. */
  readonly seenId: number
  /** Until when recalls have had their chance to ring, by the gateway's clock; undefined if the tab is new. */
  readonly upToMs: number | undefined
  /** Those that seem to have been received later, and had theirs, by `identityOf`. */
  readonly ahead: readonly string[]
}

/** Returns what was stored as JSON; what cannot be read is left out. */
export function parseRemembered(text: string | null): Remembered {
  try {
    const stored: unknown = JSON.parse(text ?? '{}')
    const { rings, seenId, upToMs, ahead } = isRecord(stored) ? stored : {}
    return {
      rings: Array.isArray(rings) ? rings.flatMap((ring) => parseRing(ring) ?? []) : [],
      seenId: isNumber(seenId) ? seenId : 0,
      upToMs: isNumber(upToMs) ? upToMs : undefined,
      ahead: Array.isArray(ahead) ? ahead.filter((one) => typeof one === 'string') : [],
    }
  } catch {
    return { rings: [], seenId: 0, upToMs: undefined, ahead: [] }
  }
}

/** What a tab has stored may be of another version of the page. */
function parseRing(value: unknown): Ring | undefined {
  if (!isRecord(value)) return undefined
  const { id, rule, atMs, recalls, rung, burst } = value
  if (!isNumber(id) || typeof rule !== 'string' || !isNumber(atMs) || !isNumber(recalls)) return undefined
  if (!Array.isArray(rung)) return undefined
  const all = rung.flatMap((one) => parseRung(one) ?? [])
  if (all.length === 0) return undefined
  const known = isRecord(burst) ? parseBurst(burst) : undefined
  const is = (name: 'isLate' | 'hasOthers' | 'isElsewhere'): boolean => value[name] === true
  const [isLate, hasOthers, isElsewhere] = [is('isLate'), is('hasOthers'), is('isElsewhere')]
  return {
    id,
    rule,
    atMs,
    recalls,
    rung: all,
    isLate,
    hasOthers,
    isElsewhere,
    ...(known && { burst: known }),
  }
}

function parseBurst({ per, of, count }: Readonly<Record<string, unknown>>): Ring['burst'] {
  const known = BURST_KEYS.find((one) => one === per)
  return known !== undefined && typeof of === 'string' && isNumber(count)
    ? { per: known, of, count }
    : undefined
}

/** Only the feed rings. */
function parseRung(value: unknown): Rung | undefined {
  if (!isRecord(value) || !isRecord(value['place'])) return undefined
  const { conversation, operator, messages, recalledAtMs, place, isTest } = value
  const { epoch, offset } = place
  const position = { epoch, offset }
  const parsed = parseConversation(conversation)
  if (parsed === undefined || !isPosition(position) || !isNumber(messages) || !isNumber(recalledAtMs))
    return undefined
  return {
    place: { room: FEED, ...position },
    conversation: parsed,
    operator: typeof operator === 'string' ? operator : undefined,
    messages,
    recalledAtMs,
    isTest: isTest === true,
  }
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
