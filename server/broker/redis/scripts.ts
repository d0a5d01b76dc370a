import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'

/** A script call: how many of the following are keys, the keys, the arguments. */
type Script = (keys: number, ...keysAndArguments: (string | number)[]) => Promise<unknown>

export type ScriptedRedis = Redis & {
  readonly recallPublish: Script
  readonly recallHistory: Script
  readonly recallHistoryBefore: Script
  readonly recallHeads: Script
  readonly recallNewEpoch: Script
  readonly recallAnnounce: Script
  readonly recallHeartbeat: Script
  readonly recallHeartbeats: Script
}

const script = (name: string): { readonly lua: string } => ({
  lua: readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8'),
})

export const SCRIPTS = {
  recallPublish: script('publish'),
  recallHistory: script('history'),
  recallHistoryBefore: script('history-before'),
  recallHeads: script('heads'),
  recallNewEpoch: script('new-epoch'),
  recallAnnounce: script('announce'),
  recallHeartbeat: script('heartbeat'),
  recallHeartbeats: script('heartbeats'),
}

/** Reads `epoch, offset, epoch, offset …`. */
export function toPositions(reply: unknown): Position[] {
  const flat = toArray(reply)
  const positions: Position[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [epoch, offset] = [flat[i], flat[i + 1]]
    if (typeof epoch !== 'string' || typeof offset !== 'number') throw unexpected()
    positions.push({ epoch, offset })
  }
  return positions
}

export function toArray(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw unexpected()
  return reply
}

export const unexpected = () =>
  new GatewayError('BROKER_UNAVAILABLE', 'Redis answered in an unexpected shape')
