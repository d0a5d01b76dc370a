import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'

/** A script call: the number of keys, the keys, the arguments. The header of each script explains them. */
type Script = (keyCount: number, ...keysAndArguments: (string | number)[]) => Promise<unknown>

/** The client with one method per script. The method names exist only here, not in Redis. */
export type ScriptedRedis = Redis & Readonly<Record<keyof typeof SCRIPTS, Script>>

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

/** Parses `epoch, offset, epoch, offset …`. */
export function toPositions(reply: unknown): Position[] {
  const flat = toArray(reply)
  const positions: Position[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [epoch, offset] = [flat[i], flat[i + 1]]
    if (typeof epoch !== 'string' || typeof offset !== 'number') throw unexpectedReply()
    positions.push({ epoch, offset })
  }
  return positions
}

export function toArray(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw unexpectedReply()
  return reply
}

export const unexpectedReply = () => new GatewayError('BROKER_UNAVAILABLE', 'unexpected reply from Redis')
