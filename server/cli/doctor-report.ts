import { joinFindings } from '../../shared/http-api/doctor.ts'
import type { DoctorResponse, ProcessFinding } from '../../shared/http-api/doctor.ts'
import type { Finding } from '../doctor/finding.ts'
import { nameOf, shortId, visible } from './table.ts'

const WARNING = 1
const CRITICAL = 2
/** What the command finds, beside the ids of processes. */
export const SELF = 'this command'

/** Returns findings as lines for people. */
export function describeFindings(
  findings: readonly ProcessFinding[],
  unanswered: DoctorResponse['unanswered'],
  { all }: { readonly all: boolean },
): string[] {
  const shown = joinFindings(findings).filter(({ finding }) => all || finding.severity !== 'ok')
  const notRight = new Set(findings.filter(({ severity }) => severity !== 'ok').map(({ id }) => id))
  const right = [...new Set(findings.map(({ id }) => id))].filter((id) => !notRight.has(id))
  return [
    ...shown.flatMap(({ finding: { id, severity, title, found, fix, document }, processes }) => [
      `${severity.toUpperCase()}  ${visible(title)} (${visible(id)})${whose(processes)}`,
      `  ${visible(found)}`,
      ...(fix === undefined ? [] : [`  > ${visible(fix)}`]),
      ...(severity === 'ok' ? [] : [`  ${visible(document)}`]),
      '',
    ]),
    ...unanswered.map(
      ({ process, host, why }) => `WARNING  Process ${nameOf(process, host)} did not answer: ${visible(why)}`,
    ),
    ...(all || right.length === 0 ? [] : [`Right: ${right.join(', ')}`]),
    summaryOf(findings, unanswered.length),
  ]
}

/** Returns the exit code of the worst. Of processes that do not answer, nobody knows what is wrong. */
export function exitCodeOf(
  findings: readonly Pick<Finding, 'severity'>[],
  unanswered: DoctorResponse['unanswered'],
): number {
  if (findings.some(({ severity }) => severity === 'critical')) return CRITICAL
  return unanswered.length > 0 || findings.some(({ severity }) => severity === 'warning') ? WARNING : 0
}

function whose(processes: readonly string[]): string {
  const ids = [...new Set(processes)].filter((process) => process !== SELF)
  return ids.length === 0 ? '' : `, process ${ids.map(shortId).join(', ')}`
}

function summaryOf(findings: readonly ProcessFinding[], unanswered: number): string {
  const count = (severity: string): number =>
    new Set(findings.filter((one) => one.severity === severity).map(({ id, found }) => `${id} ${found}`)).size
  const [criticals, warnings] = [count('critical'), count('warning')]
  const found =
    criticals + warnings === 0
      ? 'Nothing to mend'
      : `${criticals} critical, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`
  const others = unanswered === 0 ? undefined : 'of the processes that answered'
  // Nobody has looked at their clocks and webhooks.
  const isAnswered = findings.some(({ process }) => process !== SELF)
  const gateway =
    !isAnswered && findings.some(({ id }) => id === 'gateway') ? 'and no gateway was asked' : undefined
  return `${[found, others, gateway].filter((part) => part !== undefined).join(', ')}.`
}
