import type { ProcessState } from '../../shared/http-api.ts'
import { PROCESS_ALIVE_MS, PROCESS_GONE_MS } from '../../shared/limits.ts'
import { decodeHeartbeat } from './heartbeat-state.ts'
import type { HeartbeatState } from './heartbeat-state.ts'

/** A heartbeat as the broker returns it. */
export interface Heartbeat {
  readonly id: string
  readonly ageMs: number
  readonly text: string
}

/** The last that was heard of a process which reports no longer. */
export type LastState = HeartbeatState & { readonly id: string; readonly reportedAtMs: number }

/** The processes of the app, by their latest heartbeats. */
export interface Processes {
  readonly alive: readonly ProcessState[]
  /** Without those of which another process has taken over the data folder. */
  readonly gone: readonly LastState[]
}

/** A process has missed two heartbeats. */
const REPLACED_AFTER_MS = 2_000

/**
 * Sorts heartbeats into those of processes that are alive and those that are gone; pure. Heartbeats that this version cannot read
 * are left out: processes of another version may send another shape.
 */
export function sortProcesses(heartbeats: readonly Heartbeat[], nowMs: number): Processes {
  const states = heartbeats.flatMap(({ id, ageMs, text }) => {
    const state = decodeHeartbeat(text)
    return state === undefined ? [] : [{ id, ageMs, reportedAtMs: nowMs - ageMs, ...state }]
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
  return { alive, gone }
}
