import type { Entry, EntryOf } from '../history.ts'
import type { Plan } from '../spec.ts'
import type { Violation } from './violation.ts'

/** What the status still says of faults that are over. */
const PAST =
  /^(WEBHOOKS_REFUSED|WEBHOOKS_FAILED|PROCESS_GONE|QUARANTINE_NOT_EMPTY)|published again|the latest recall could not be stored| for some keys: NOPERM/
/** What one process holds when nothing happens: for itself, and for each connection and each room. */
const TIMERS = { own: 40, connection: 10 }
export const CONNECTIONS = { own: 6, lookups: 10, user: 2 }
/**
 * Connections of each process to Redis; channels of the app, besides one for each room; and channels of each process, for questions
 * about its quarantine, its configuration, what its doctor finds, and who is connected.
 */
const REDIS = { connections: 4, channels: 8, questions: 4 }

/** When all is well again, nothing waits, nothing has grown, and every process says that it is well. */
export function judgeQuiet(plan: Plan, history: readonly Entry[]): Violation[] {
  const found = history.findLast((entry) => entry.kind === 'found')
  if (found?.kind !== 'found') return []
  const { atMs, spooled, processes, redis } = found
  // Each counts for a minute.
  const lookups = history.filter((one) => one.kind === 'verdict' && one.atMs > atMs - 70_000).length
  // Redis keeps a connection whose other end is gone without a word for minutes.
  const deadLines = history.filter(
    (one) => one.kind === 'fault' && /power|line|half open/.test(one.name),
  ).length
  const faults = [
    ...(spooled === 0 ? [] : [`${spooled} recalls wait on a disk`]),
    ...processes.flatMap((process) => faultsOf(process, plan, lookups)),
    ...(redis === undefined ? [] : faultsOfRedis(redis, plan, processes.length, deadLines)),
  ]
  return faults.map((what) => ({ rule: 'quiet', atMs, what }))
}

type Process = EntryOf<'found'>['processes'][number]

function faultsOf(
  { name, ready, problems, stores, timers, connections }: Process,
  { users }: Plan,
  lookups: number,
): string[] {
  // Whoever has no WebSocket has a stream for each room.
  const streams = users.reduce((sum, { by, listeners }) => sum + (by === 'stream' ? listeners.length : 1), 0)
  const maxConnections = CONNECTIONS.own + CONNECTIONS.lookups + CONNECTIONS.user * streams
  // Streams whose tokens have just ended are gone before their timers.
  const maxTimers = TIMERS.own + TIMERS.connection * Math.max(connections, streams) + lookups
  return [
    ...(ready === 200 ? [] : [`${name} is not ready: ${ready ?? 'no answer'}`]),
    ...(stores === undefined || stores === 'directly' ? [] : [`${name} stores one more recall: ${stores}`]),
    ...problems.filter((problem) => !PAST.test(problem)).map((problem) => `${name} says ${problem}`),
    ...(timers <= maxTimers ? [] : [`${name} has ${timers} timers, and not ${maxTimers}`]),
    ...(connections <= maxConnections
      ? []
      : [`${name} has ${connections} connections, and not ${maxConnections}`]),
  ]
}

function faultsOfRedis(
  { connections, channels }: NonNullable<EntryOf<'found'>['redis']>,
  { users }: Plan,
  processes: number,
  deadLines: number,
): string[] {
  const rooms = new Set(users.flatMap((user) => user.rooms.map((room) => JSON.stringify(room)))).size
  const maxConnections = REDIS.connections * (processes + deadLines)
  const maxChannels = REDIS.channels + rooms + REDIS.questions * processes
  return [
    ...(connections <= maxConnections
      ? []
      : [`Redis has ${connections} connections, and not ${maxConnections}`]),
    ...(channels <= maxChannels ? [] : [`Redis has ${channels} channels, and not ${maxChannels}`]),
  ]
}
