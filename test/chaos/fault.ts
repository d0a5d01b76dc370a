import type { Figures } from './audit.ts'
import type { TruthFigures } from './truth/audit-truth.ts'

/** The short profile runs in the tests, the long one with `npm run chaos`. */
export type Profile = 'short' | 'long'

/** The outcome of one fault. */
export interface FaultResult extends Figures, TruthFigures {
  readonly fault: string
  /** Notices that nodes read from logs because they had not arrived live. */
  readonly healed: number
  /** Whatever else was wrong, in words. */
  readonly violations: readonly string[]
}

export interface Fault {
  /** The rule that must hold, as a sentence that continues "chaos …". */
  readonly rule: string
  /** Whether the fault loses data that Redis had confirmed, so that sockets may receive gaps. They are told everything after them. */
  readonly losesData: boolean
  /** Whether the receiver may refuse recalls. It has a spool, so an outage of Redis alone does not justify that. */
  readonly mayRefuse?: boolean
  readonly run: (profile: Profile) => Promise<FaultResult>
}

/** Returns the rules that a result breaks, in words. */
export function problemsOf(
  result: FaultResult,
  { losesData, mayRefuse = false }: Pick<Fault, 'losesData' | 'mayRefuse'>,
): string[] {
  const { sent, acknowledged, gaps, gapReasons, lies, violations } = result
  const problems = (
    [
      ['lost', 'lost'],
      ['duplicated', 'duplicated'],
      ['outOfOrder', 'out of order'],
    ] as const
  ).flatMap(([figure, text]) => (result[figure] > 0 ? [`${result[figure]} ${text}`] : []))
  if (acknowledged < sent && !mayRefuse) problems.push(`${sent - acknowledged} not acknowledged`)
  if (gaps > 0 && !losesData)
    problems.push(`${gaps} gaps (${gapReasons.join(', ')}) although Redis lost no data`)
  if (gaps === 0 && losesData) problems.push('no gap: the fault lost nothing')
  return [...problems, ...lies, ...violations]
}
