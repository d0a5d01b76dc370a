import type { WebhookState } from '../../shared/http-api.ts'
import type { RequestTimes } from '../receiver/request-times.ts'
import { areAllRefused } from '../telemetry/webhook-rules.ts'
import { critical, info, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

/** Of calls in time: RequestTime is in whole seconds, and the call travels. */
const NORMAL_AHEAD_MS = 5_000
const NORMAL_BEHIND_MS = 2_000
/** Calls are refused beyond a minute. */
const NEARLY_REFUSED_MS = 30_000
/** Older than that, it can be somebody who repeats what a log of a proxy holds. */
const PERHAPS_REPEATED_MS = 3_600_000

const FIXES: Readonly<Record<string, readonly [found: string, fix: string]>> = {
  WEBHOOK_FORGED: [
    'their Sign does not fit WEBHOOK_TOKEN',
    "Compare WEBHOOK_TOKEN with the authentication token in Tencent's Chat console, and see that authentication is on there",
  ],
  WEBHOOK_STALE: [
    'their RequestTime is more than a minute off',
    'Set the clock of this machine with NTP, and see whether a proxy holds calls back',
  ],
  APP_NOT_OURS: [
    'they are of another app than SDK_APP_ID',
    'Compare SDK_APP_ID with the SDKAppID of the Chat console',
  ],
  NOT_FOUND: [
    'they have another path than WEBHOOK_PATH',
    'Correct the URL in the Chat console, or WEBHOOK_PATH',
  ],
  ADDRESS_REFUSED: [
    'they come from addresses that are not in WEBHOOK_ALLOW',
    'Add the address that the log names, or name your proxy in TRUST_PROXY',
  ],
  BODY_TOO_LARGE: ['their bodies are larger than 256 KiB', 'See what a proxy adds'],
  BODY_UNREADABLE: ['their bodies are cut or compressed', 'See what a proxy does to them'],
  WEBHOOK_MALFORMED: ['the gateway does not understand them', 'Look at them: recall-gateway quarantine show'],
  RELAY_LOOP: [
    'they have been through a gateway of this app before',
    'Correct RELAY_URL, which leads back here',
  ],
  REQUEST_TIMEOUT: [
    'their bodies did not arrive in time',
    'See the network between the proxy and the gateway',
  ],
}

/** Judges the webhooks that a process has answered lately; pure. */
export function judgeWebhooks(state: WebhookState): Finding[] {
  const { ok: accepted, refused, failed, lastOkAgeMs } = state
  const { METHOD_NOT_ALLOWED: _notOfTheProvider, ...codes } = refused
  // Anybody can send a few calls that are refused, also while Tencent sends none.
  const judge = areAllRefused(state) ? critical : warning
  const findings = [
    ...Object.entries(codes).map(([code, count]) => {
      const [found, fix] = FIXES[code] ?? ['see the log', 'Look up the code in the document']
      return judge('webhooks', `${count} refused with ${code}: ${found}`, fix)
    }),
    ...Object.entries(failed).map(([code, count]) =>
      critical(
        'webhooks',
        `${count} not stored (${code})`,
        'See Redis, and the room in the data folder: "Webhooks are not stored" in the runbook',
      ),
    ),
  ]
  if (findings.length > 0) return findings
  if (accepted > 0) return [ok('webhooks', `${accepted} accepted, none refused`)]
  const last =
    lastOkAgeMs === null ? 'since the process started' : `for ${Math.round(lastOkAgeMs / 60_000)} min`
  return [
    info(
      'webhooks',
      `Tencent sent none ${last}; test recalls, and what recall-gateway send posts, do not count`,
      "If that is not expected, see the URL and the switches in Tencent's Chat console, and run doctor with --url",
    ),
  ]
}

/** Judges by how much RequestTime of the latest webhooks was off; pure. */
export function judgeRequestTimes(times: ReturnType<RequestTimes['state']>): Finding[] {
  if (times === undefined)
    return [
      info('clock-webhooks', 'Tencent sent no webhook in the last minutes, whose time could be compared'),
    ]
  const { minAgeMs, maxAgeMs, count } = times
  const range = `${count} webhooks came ${seconds(minAgeMs)} to ${seconds(maxAgeMs)} s after their RequestTime`
  const fix = 'Set the clock of this machine with NTP (chrony, systemd-timesyncd)'
  // The fastest call says most about the clock: others may have been under way for long.
  if (minAgeMs < -NORMAL_BEHIND_MS)
    return [
      (minAgeMs < -NEARLY_REFUSED_MS ? critical : warning)(
        'clock-webhooks',
        `${range}: this clock is behind`,
        fix,
      ),
    ]
  if (minAgeMs > NORMAL_AHEAD_MS)
    return [
      (minAgeMs > NEARLY_REFUSED_MS && minAgeMs < PERHAPS_REPEATED_MS ? critical : warning)(
        'clock-webhooks',
        minAgeMs < PERHAPS_REPEATED_MS
          ? `${range}: this clock is ahead, or a proxy holds calls back`
          : `${range}: this clock is ahead, or somebody repeats old calls`,
        fix,
      ),
    ]
  if (maxAgeMs > NEARLY_REFUSED_MS)
    return [
      warning(
        'clock-webhooks',
        `${range}: some took very long`,
        'See what holds calls back: a proxy, or this process',
      ),
    ]
  return [ok('clock-webhooks', range)]
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)

/** What only Tencent's Chat console shows, as a reminder. */
export function remindOfProvider({
  WEBHOOK_PATH,
  ROLE,
}: {
  readonly WEBHOOK_PATH: string
  readonly ROLE: string
}): Finding[] {
  if (ROLE === 'node') return []
  return [
    info(
      'provider-url',
      'Tencent accepts URLs with http or https, without spaces, and without any of ! $ & ?; a change takes 2 minutes to count',
      // It may hold a secret.
      `See that the URL ends in ${WEBHOOK_PATH === '/webhook' ? WEBHOOK_PATH : 'WEBHOOK_PATH'}, and that authentication is on with the token in WEBHOOK_TOKEN`,
    ),
    info(
      'provider-retries',
      'Tencent repeats a webhook only if it timed out, and only if retries are turned on in its Chat console',
      'Turn them on: what can be stored neither in Redis nor on disk arrives only then',
    ),
  ]
}
