import { info, ok, sizeOf, warning } from './finding.ts'
import type { Finding } from './finding.ts'

/** Each node reads every notice of its rooms from one connection: a burst must fit while the process is busy. */
const MIN_PUBSUB_BYTES = 8 * 2 ** 20
/** Answers about logs have up to some MiB. */
const MIN_NORMAL_BYTES = 32 * 2 ** 20

const FIX_PUBSUB =
  'Set client-output-buffer-limit to pubsub 256mb 64mb 60: Redis closes the connection of a node that is behind by more, and its sockets wait until it has read what it missed'

/** Judges what may wait in Redis for the gateway before Redis closes its connection. */
export function judgeRedisBuffers(settings: ReadonlyMap<string, string> | undefined): Finding[] {
  const limits = settings?.get('client-output-buffer-limit')
  if (limits === undefined)
    return [
      info(
        'redis-buffers',
        'the user may not read the output buffer limits (CONFIG GET)',
        `Compare them by hand: ${FIX_PUBSUB}`,
      ),
    ]
  const [pubsub, normal] = [hardLimitOf(limits, 'pubsub'), hardLimitOf(limits, 'normal')]
  const findings: Finding[] = []
  if (pubsub < MIN_PUBSUB_BYTES)
    findings.push(
      warning('redis-buffers', `${sizeOf(pubsub)} may wait for a subscriber (pubsub)`, FIX_PUBSUB),
    )
  if (normal < MIN_NORMAL_BYTES)
    findings.push(
      warning(
        'redis-buffers',
        `${sizeOf(normal)} may wait for a client (normal)`,
        'Set client-output-buffer-limit to normal 0 0 0: answers about logs are larger, and Redis closes the connection',
      ),
    )
  if (findings.length > 0) return findings
  return [ok('redis-buffers', `for a subscriber ${textOf(pubsub)}, for other clients ${textOf(normal)}`)]
}

const textOf = (bytes: number): string => (bytes === Infinity ? 'without a limit' : sizeOf(bytes))

/** `normal 0 0 0 slave 268435456 67108864 60 pubsub …`: hard limit, soft limit, seconds of the soft limit. 0 is no limit. */
function hardLimitOf(limits: string, kind: string): number {
  const words = limits.split(' ')
  const bytes = Number(words[words.indexOf(kind) + 1])
  return words.includes(kind) && bytes > 0 ? bytes : Infinity
}
