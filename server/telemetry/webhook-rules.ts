import type { Problem, ProcessState, WebhookState } from '../../shared/http-api.ts'

type WebhookProblem = Problem & { readonly code: 'WEBHOOKS_REFUSED' | 'WEBHOOKS_FAILED' }

/** One or two calls can be anyone's: a scanner, or a person who tries out the URL. */
const MIN_REFUSED_IN_A_ROW = 3
/** For as long, a call that is answered with OK may still be under way. */
const MIN_REFUSED_FOR_MS = 5_000
/** A webhook that failed is a recall that is lost, or comes late: it stays critical for so long although others were stored since. */
const FAILED_RECENTLY_MS = 60_000

/** What is likely wrong if webhooks are refused with a code. */
const CAUSES: Readonly<Record<string, string>> = {
  WEBHOOK_FORGED: 'the token in the Chat console and WEBHOOK_TOKEN differ',
  WEBHOOK_STALE: 'the clock of this machine is wrong, or calls reach it late',
  ADDRESS_REFUSED:
    'the address of the caller is not in WEBHOOK_ALLOW, or TRUST_PROXY does not name the proxy',
  APP_NOT_OURS: 'SDK_APP_ID is not the app that calls',
  NOT_FOUND: 'the URL in the Chat console has another path than WEBHOOK_PATH',
  BODY_TOO_LARGE: 'a proxy changes bodies',
  BODY_UNREADABLE: 'a proxy cuts or changes bodies',
  WEBHOOK_MALFORMED: 'the gateway does not understand them; they are in the quarantine',
  REQUEST_TIMEOUT: 'their bodies do not arrive in time',
  RELAY_LOOP: 'RELAY_URL leads back to the gateway',
  NOT_KEPT:
    'neither Redis nor the disk has stored them, or the queue for the backend is full: the log says which',
  INTERNAL: 'an error in the gateway, which the log describes',
}

/** Returns what is wrong with the webhooks that a process received. */
export function problemsOfWebhooks({ id, webhooks }: ProcessState): WebhookProblem[] {
  return webhooks === undefined ? [] : [...refused(id, webhooks), ...failed(id, webhooks)]
}

/**
 * Anyone who knows the URL can send calls that are refused. So they are critical only if the gateway has not answered one with OK
 * since they began: then all but a few of those in the five minutes came after the last OK.
 */
function refused(processId: string, webhooks: WebhookState): WebhookProblem[] {
  const { METHOD_NOT_ALLOWED: _notOfTheProvider, ...byCode } = webhooks.refused
  const total = sum(byCode)
  if (total === 0) return []
  const isCritical = areAllRefused(webhooks)
  const message = isCritical
    ? `the last ${webhooks.refusedInARow} webhooks were all refused, and their recalls are lost: ${describe(byCode)}`
    : `${total} of ${total + webhooks.ok} webhooks in five minutes were refused: ${describe(byCode)}`
  return [{ severity: isCritical ? 'critical' : 'warning', code: 'WEBHOOKS_REFUSED', message, processId }]
}

/** Whether the webhooks of late were refused, and not just some calls of a stranger. */
export function areAllRefused({ ok, refused: byCode, refusedInARow, refusedForMs }: WebhookState): boolean {
  const { METHOD_NOT_ALLOWED: _notOfTheProvider, ...codes } = byCode
  const isLasting = refusedInARow >= MIN_REFUSED_IN_A_ROW && (refusedForMs ?? 0) >= MIN_REFUSED_FOR_MS
  return isLasting && (ok === 0 || refusedInARow > sum(codes) - refusedInARow)
}

function failed(processId: string, webhooks: WebhookState): WebhookProblem[] {
  const total = sum(webhooks.failed)
  const { lastFailedAgeMs, lastOkAgeMs } = webhooks
  if (total === 0 || lastFailedAgeMs === null) return []
  const isLatest = lastOkAgeMs === null || lastOkAgeMs >= lastFailedAgeMs
  const severity = isLatest || lastFailedAgeMs <= FAILED_RECENTLY_MS ? 'critical' : 'warning'
  const message = `${total} webhooks in five minutes could not be stored, and may be lost: ${describe(webhooks.failed)}`
  return [{ severity, code: 'WEBHOOKS_FAILED', message, processId }]
}

/** Names the most frequent code, and what it is likely about. */
function describe(byCode: Readonly<Record<string, number>>): string {
  const [code = '', count = 0] = Object.entries(byCode).toSorted(([, a], [, b]) => b - a)[0] ?? []
  const cause = CAUSES[code]
  return `${count} with ${code}${cause === undefined ? '' : ` (${cause})`}`
}

const sum = (byCode: Readonly<Record<string, number>>): number =>
  Object.values(byCode).reduce((total, count) => total + count, 0)
