import type { Figures } from './audit.ts'

/** The short form is a test; the long form is for people, who have time. */
export type Size = 'short' | 'long'

/** What came of one fault. */
export interface Row extends Figures {
  readonly fault: string
  /** Notices that nodes read in logs because they had not arrived live. */
  readonly healed: number
  /** Whatever else was not as it should be, in words. */
  readonly complaints: readonly string[]
}

export interface Fault {
  /** What must hold, as a sentence that goes on after "chaos". */
  readonly rule: string
  /** Whether the fault loses what Redis had confirmed, so that sockets may be told a gap. */
  readonly losesData: boolean
  /** Whether the fault is one in which not every recall can be kept: with a spool, Redis alone is no reason. */
  readonly mayRefuse?: boolean
  readonly play: (size: Size) => Promise<Row>
}

/** What a row shows to be broken, in words. */
export function problemsOf(
  row: Row,
  { losesData, mayRefuse = false }: Pick<Fault, 'losesData' | 'mayRefuse'>,
): string[] {
  const problems = (['lost', 'duplicated', 'outOfOrder'] as const).flatMap((figure) =>
    row[figure] > 0 ? [`${row[figure]} ${figure}`] : [],
  )
  if (row.kept < row.sent && !mayRefuse) problems.push(`${row.sent - row.kept} not kept`)
  if (row.gaps > 0 && !losesData)
    problems.push(`${row.gaps} gaps (${row.gapReasons.join(', ')}), though nothing was lost in Redis`)
  if (row.gaps === 0 && row.redelivered > 0) problems.push(`${row.redelivered} redelivered without a gap`)
  return [...problems, ...row.complaints]
}
