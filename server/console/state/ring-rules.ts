import { parseFilter } from '../../../shared/filter.ts'
import { isRecord } from '../../../shared/json.ts'

/** One screen of them. Each recall is compared with all. */
export const MAX_RULES = 20
export const MAX_RULE_NAME_LENGTH = 60
export const MAX_BURST_COUNT = 10_000
export const MAX_BURST_S = 3_600
export const MAX_COOL_DOWN_S = 86_400

/** What is counted together. */
export const BURST_KEYS = ['operator', 'group', 'all'] as const
export const BURST_UNITS = ['recalls', 'messages'] as const

/** Rings only once so many have come within a time. */
export interface Burst {
  readonly count: number
  readonly unit: (typeof BURST_UNITS)[number]
  readonly withinS: number
  readonly per: (typeof BURST_KEYS)[number]
}

/** What rings, and how. */
export interface RingRule {
  readonly name: string
  /** Which recalls, in the language of `shared/filter.ts`; empty for all. */
  readonly q: string
  /** Missing: every recall rings. */
  readonly burst?: Burst
  /** After it has rung, what follows for so long is added to that ring, and makes no noise. */
  readonly coolDownS: number
  readonly hasSound: boolean
  readonly notifies: boolean
}

/** Returns the rules that were stored as JSON. What another page, or a later version, has stored there is left out. */
export function parseRules(text: string | null): readonly RingRule[] {
  try {
    const stored: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(stored) ? stored.flatMap((value) => parseRule(value) ?? []).slice(0, MAX_RULES) : []
  } catch {
    return []
  }
}

/** Returns the rule that a value is; undefined if it is none. */
export function parseRule(value: unknown): RingRule | undefined {
  if (!isRecord(value)) return undefined
  const { name, q, burst, coolDownS, hasSound, notifies } = value
  if (typeof name !== 'string' || name.trim() === '' || name.length > MAX_RULE_NAME_LENGTH) return undefined
  if (typeof q !== 'string' || !parseFilter(q).ok || !isCount(coolDownS, MAX_COOL_DOWN_S)) return undefined
  const parsed = burst === undefined ? undefined : parseBurst(burst)
  if (burst !== undefined && parsed === undefined) return undefined
  return {
    name,
    q,
    coolDownS,
    hasSound: hasSound === true,
    notifies: notifies === true,
    ...(parsed && { burst: parsed }),
  }
}

function parseBurst(value: unknown): Burst | undefined {
  if (!isRecord(value)) return undefined
  const { count, withinS } = value
  const unit = BURST_UNITS.find((one) => one === value['unit'])
  const per = BURST_KEYS.find((one) => one === value['per'])
  if (unit === undefined || per === undefined) return undefined
  if (!isCount(count, MAX_BURST_COUNT) || !isCount(withinS, MAX_BURST_S)) return undefined
  return { count, unit, withinS, per }
}

const isCount = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
