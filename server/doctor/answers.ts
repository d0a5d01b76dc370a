import { GatewayError } from '../../shared/errors.ts'
import type { Finding } from '../../shared/http-api/doctor.ts'
import { isRecord } from '../../shared/json.ts'
import { MAX_LENGTH } from './finding.ts'

const SEVERITIES: readonly unknown[] = ['critical', 'warning', 'info', 'ok']
/** What one process says at most. */
const MAX_FINDINGS = 200

/** Returns what another process answered; longer texts are cut. Throws PROCESS_UNREACHABLE for what no process answers. */
export function decodeFindings(text: string): Finding[] {
  const answer = parse(text)
  if (!Array.isArray(answer) || !answer.every(isFinding))
    throw new GatewayError('PROCESS_UNREACHABLE', 'its answer makes no sense')
  return answer.slice(0, MAX_FINDINGS).map(({ id, severity, title, found, fix, document }) => ({
    id: id.slice(0, MAX_LENGTH),
    severity,
    title: title.slice(0, MAX_LENGTH),
    found: found.slice(0, MAX_LENGTH),
    ...(fix !== undefined && { fix: fix.slice(0, MAX_LENGTH) }),
    document: document.slice(0, MAX_LENGTH),
  }))
}

/** One of a later version may hold more. */
const isFinding = (one: unknown): one is Finding =>
  isRecord(one) &&
  SEVERITIES.includes(one['severity']) &&
  ['id', 'title', 'found', 'document'].every((name) => typeof one[name] === 'string') &&
  ['string', 'undefined'].includes(typeof one['fix'])

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
