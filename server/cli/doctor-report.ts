import type { DoctorResponse, ProcessFinding } from '../../shared/http-api/doctor.ts'
import { visible } from './table.ts'

/** Returns findings as lines for people. What several processes find is told once. */
export function describeFindings(
  findings: readonly ProcessFinding[],
  unanswered: DoctorResponse['unanswered'],
  { all }: { readonly all: boolean },
): string[] {
  const groups = new Map<string, { readonly first: ProcessFinding; readonly processes: string[] }>()
  for (const one of findings) {
    const key = JSON.stringify([one.id, one.severity, one.found, one.fix])
    const group = groups.get(key) ?? { first: one, processes: [] }
    group.processes.push(one.process)
    groups.set(key, group)
  }
  const shown = [...groups.values()].filter(({ first }) => all || first.severity !== 'ok')
  const notRight = new Set(findings.filter(({ severity }) => severity !== 'ok').map(({ id }) => id))
  const right = [...new Set(findings.map(({ id }) => id))].filter((id) => !notRight.has(id))
  return [
    ...shown.flatMap(({ first, processes }) => [
      `${first.severity.toUpperCase()}  ${first.title} (${first.id})${whose(processes)}`,
      `  ${visible(first.found)}`,
      ...(first.fix === undefined ? [] : [`  > ${visible(first.fix)}`]),
      ...(first.severity === 'ok' ? [] : [`  ${first.document}`]),
      '',
    ]),
    ...unanswered.map(({ process, why }) => `Process ${shortId(process)} did not answer: ${visible(why)}`),
    ...(all || right.length === 0 ? [] : [`Right: ${right.join(', ')}`]),
    summaryOf(findings),
  ]
}

function whose(processes: readonly string[]): string {
  const ids = [...new Set(processes)].filter((process) => process !== 'this command')
  return ids.length === 0 ? '' : `, process ${ids.map(shortId).join(', ')}`
}

const shortId = (id: string): string => visible(id).slice(0, 8)

function summaryOf(findings: readonly ProcessFinding[]): string {
  const count = (severity: string): number =>
    new Set(findings.filter((one) => one.severity === severity).map(({ id, found }) => `${id} ${found}`)).size
  const [criticals, warnings] = [count('critical'), count('warning')]
  return criticals + warnings === 0 ? 'Nothing to mend.' : `${criticals} critical, ${warnings} warnings.`
}
