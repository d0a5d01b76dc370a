import type { Finding, Severity } from '../../shared/http-api/doctor.ts'
import { CATALOGUE } from './catalogue.ts'
import type { FindingId } from './catalogue.ts'

export type { Finding } from '../../shared/http-api/doctor.ts'

const ORDER: readonly Severity[] = ['critical', 'warning', 'info', 'ok']
/** Of each text. What Redis or a disk says can be long. */
export const MAX_LENGTH = 600

function finding(severity: Severity, id: FindingId, found: string, fix?: string): Finding {
  const [title, document] = CATALOGUE[id]
  return {
    id,
    severity,
    title,
    found: found.slice(0, MAX_LENGTH),
    ...(fix !== undefined && { fix: fix.slice(0, MAX_LENGTH) }),
    document,
  }
}

/** Recalls are lost or not told now, or will be. */
export const critical = (id: FindingId, found: string, fix: string): Finding =>
  finding('critical', id, found, fix)
/** Somebody should look at it. */
export const warning = (id: FindingId, found: string, fix: string): Finding =>
  finding('warning', id, found, fix)
/** Good to know. */
export const info = (id: FindingId, found: string, fix?: string): Finding => finding('info', id, found, fix)
export const ok = (id: FindingId, found: string): Finding => finding('ok', id, found)

/** The worst first; those that are equally bad stay in the order in which they were found. */
export const worstFirst = <One extends Pick<Finding, 'severity'>>(findings: readonly One[]): One[] =>
  findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity))

/** Lists names, such as those of settings: `A, B and 3 more`. */
export function listed(names: readonly string[], max = 8): string {
  const more = names.length - max
  return more > 0 ? `${names.slice(0, max).join(', ')} and ${more} more` : names.join(', ')
}

/** A size for people. */
export function sizeOf(bytes: number): string {
  const [unit, size] = (
    [
      ['GiB', 2 ** 30],
      ['MiB', 2 ** 20],
      ['KiB', 2 ** 10],
    ] as const
  ).find(([, one]) => bytes >= one) ?? ['bytes', 1]
  const value = bytes / size
  return `${value >= 10 || size === 1 ? Math.round(value) : Math.round(value * 10) / 10} ${unit}`
}
