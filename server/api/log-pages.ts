import type { NoticesResponse } from '../../shared/http-api.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'

/** What the notices of one answer take at most; the first one is told whatever it takes. A recall can take 75 KiB. */
export const MAX_ANSWER_BYTES = 1024 * 1024
/** Read at a time: more would be held here only to be thrown away, when recalls are large. */
const NOTICES_PER_READ = 100

/** A part of a log, oldest first, as admins see it. */
export interface Page extends Omit<NoticesResponse, 'ok' | 'room' | 'notices'> {
  readonly notices: readonly Notice[]
}

type Log = Pick<Broker, 'history' | 'historyBefore'>

/** What follows a position, as much as an answer may hold. */
export async function readAfter(log: Log, room: Room, since: Position, limit: number): Promise<Page> {
  const answer = new Answer(limit)
  for (let at = since; ; at = { epoch: at.epoch, offset: answer.end(at.offset) }) {
    const asked = Math.min(limit - answer.notices.length, NOTICES_PER_READ)
    const history = await log.history(room, at, asked)
    if (history.gap !== undefined) {
      if (answer.notices.length === 0)
        return { notices: [], position: history.head, more: false, gap: history.gap }
      // Lost or trimmed while it was read: who goes on from here is told.
      return { notices: answer.notices, position: at, more: true }
    }
    const areAll = history.notices.every((notice) => answer.take(notice))
    if (areAll && history.notices.length === asked && !answer.isFull) continue
    const offset = answer.end(since.offset)
    return page(answer.notices, history.head, offset)
  }
}

/** What stands before an offset, nearest to it, as much as an answer may hold. */
export async function readBefore(log: Log, room: Room, before: number, limit: number): Promise<Page> {
  const answer = new Answer(limit)
  let top: Position | undefined
  for (;;) {
    // One more than is told: it tells whether there are older ones.
    const asked = Math.min(limit + 1 - answer.notices.length, NOTICES_PER_READ)
    const read = await log.historyBefore(room, answer.notices.at(-1)?.offset ?? before, asked)
    top ??= read.head
    // Under another epoch, offsets say nothing about what was read before.
    const areAll =
      read.head.epoch === top.epoch && read.notices.toReversed().every((notice) => answer.take(notice))
    if (areAll && read.notices.length === asked) continue
    const notices = answer.notices.toReversed()
    return { ...page(notices, top, notices.at(-1)?.offset ?? top.offset), older: !areAll }
  }
}

/**
 * What was received since a time, the oldest first, as much as an answer may hold. Reads back until a whole part of the log
 * is older: what waited on a disk stands a little behind what was received later elsewhere.
 */
export async function readReceivedSince(log: Log, room: Room, sinceMs: number, limit: number): Promise<Page> {
  let notices: readonly Notice[] = []
  let before = Number.MAX_SAFE_INTEGER
  let top: Position | undefined
  for (;;) {
    const read = await log.historyBefore(room, before, NOTICES_PER_READ)
    top ??= read.head
    const young = read.notices.filter(({ receivedAtMs }) => receivedAtMs >= sinceMs)
    if (read.head.epoch === top.epoch) notices = firstOf([...young, ...notices], limit)
    if (read.head.epoch !== top.epoch || young.length === 0 || read.notices.length < NOTICES_PER_READ)
      return page(notices, top, notices.at(-1)?.offset ?? top.offset)
    before = read.notices[0]?.offset ?? 0
  }
}

/** As many as an answer may hold. */
function firstOf(notices: readonly Notice[], limit: number): readonly Notice[] {
  const answer = new Answer(limit)
  notices.every((notice) => answer.take(notice))
  return answer.notices
}

const page = (notices: readonly Notice[], { epoch, offset: last }: Position, offset: number): Page => ({
  notices,
  position: { epoch, offset },
  more: offset < last,
})

/** Notices, no more than fit. */
class Answer {
  readonly notices: Notice[] = []
  readonly #limit: number
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get isFull(): boolean {
    return this.notices.length >= this.#limit
  }

  /** The offset of the last one. */
  end(otherwise: number): number {
    return this.notices.at(-1)?.offset ?? otherwise
  }

  /** Answers whether it fitted in. */
  take(notice: Notice): boolean {
    const bytes = Buffer.byteLength(JSON.stringify(notice))
    if (this.isFull) return false
    if (this.notices.length > 0 && this.#bytes + bytes > MAX_ANSWER_BYTES) return false
    this.#bytes += bytes
    this.notices.push(notice)
    return true
  }
}
