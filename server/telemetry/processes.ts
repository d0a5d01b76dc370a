import type { ProcessState } from '../../shared/http-api.ts'
import { PROCESS_ALIVE_MS, PROCESS_GONE_MS } from '../../shared/limits.ts'
import { decodeHeartbeat } from './heartbeat-state.ts'
import type { HeartbeatState } from './heartbeat-state.ts'

/** A heartbeat as the broker returns it. */
export interface Heartbeat {
  readonly id: string
  readonly ageMs: number
  /** Undefined if it is not signed with a key of ours. */
  readonly text: string | undefined
}

/** The last that was heard of a process which reports no longer. */
export type LastState = HeartbeatState & { readonly id: string; readonly reportedAtMs: number }

/** The processes of the app, by their latest heartbeats. */
export interface Processes {
  readonly alive: readonly ProcessState[]
  /** Without those of which another process has taken over the data folder. */
  readonly gone: readonly LastState[]
  /** The ids of those that are alive, and whose reports this process cannot read: of another signing key, or a later version. */
  readonly unread: readonly string[]
}

/** Of processes that are not listed otherwise. */
const MAX_NAMED_IDS = 5
const ID_LENGTH = 8

/** A process has missed two heartbeats. */
const REPLACED_AFTER_MS = 2_000

/**
 * Sorts heartbeats into those of processes that are alive and those that are gone; pure. Of those that this process cannot read only
 * the ids are known.
 */
export function sortProcesses(heartbeats: readonly Heartbeat[], nowMs: number): Processes {
  const unread: string[] = []
  const states = heartbeats.flatMap(({ id, ageMs, text }) => {
    const state = text === undefined ? undefined : decodeHeartbeat(text)
    if (state !== undefined) return [{ id, ageMs, reportedAtMs: nowMs - ageMs, ...state }]
    if (ageMs <= PROCESS_ALIVE_MS) unread.push(id)
    return []
  })
  const latest = new Map<string, number>()
  for (const { dataFolder, ageMs } of states)
    if (dataFolder !== undefined) latest.set(dataFolder, Math.min(ageMs, latest.get(dataFolder) ?? Infinity))
  const isReplaced = ({ dataFolder, ageMs, stopping }: (typeof states)[number]): boolean =>
    dataFolder !== undefined &&
    ageMs > (latest.get(dataFolder) ?? ageMs) &&
    (ageMs > REPLACED_AFTER_MS || stopping === true)

  const alive: ProcessState[] = []
  const gone: LastState[] = []
  for (const process of states) {
    if (process.ageMs > PROCESS_GONE_MS || isReplaced(process)) continue
    const { ageMs, ...state } = process
    if (ageMs > PROCESS_ALIVE_MS || state.stopping) gone.push(state)
    else alive.push(state)
  }
  return { alive, gone, unread }
}

/** Says in words for people that reports cannot be read, of at least one process, with the first of their ids. */
export function describeUnread(unread: readonly string[]): string {
  const ids = unread.slice(0, MAX_NAMED_IDS).map((id) => id.slice(0, ID_LENGTH))
  const more = unread.length > ids.length ? ' …' : ''
  const [reports, their] =
    unread.length === 1
      ? ['report of 1 other process', 'its']
      : [`reports of ${unread.length} other processes`, 'their']
  return `the ${reports} cannot be read (${ids.join(', ')}${more}): ${their} REDIS_SIGNING_KEY is another one, or ${their} version is later`
}
