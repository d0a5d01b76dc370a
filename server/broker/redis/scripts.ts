import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'

/** A script call: the number of keys, the keys, the arguments. The header of each script explains them. */
type Script = (keyCount: number, ...keysAndArguments: (string | number)[]) => Promise<unknown>

/** The client with one method per script. The method names exist only here, not in Redis. */
export type ScriptedRedis = Redis & Readonly<Record<keyof typeof SCRIPTS, Script>>

const read = (name: string): string => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8')

const script = (name: string): { readonly lua: string } => ({
  lua: read('stored') + repeatBlocks(read(name)),
})

const REPEATED = /^-- repeat (\w+): (\d+) times, (\d+) keys? on\n(.*?)^-- end \1\n/ms

/**
 * Writes out the blocks between `-- repeat room: 3 times, 2 keys on` and `-- end room`, here three times, with the numbers of
 * their keys increased by two each time. Blocks may contain others. Some proxies of managed servers accept a script only if it
 * names every key as `KEYS[1]`, without a variable.
 */
function repeatBlocks(lua: string): string {
  const [all, , times, step, block = ''] = REPEATED.exec(lua) ?? []
  if (all === undefined) return lua
  const copies = Array.from({ length: Number(times) }, (_, i) =>
    block.replaceAll(/KEYS\[(\d+)\]/g, (_key, key: string) => `KEYS[${Number(key) + i * Number(step)}]`),
  )
  return repeatBlocks(lua.replace(all, () => copies.join('')))
}

export const SCRIPTS = {
  recallPublish: script('publish'),
  recallHistory: script('history'),
  recallHistoryBefore: script('history-before'),
  recallHeads: script('heads'),
  recallExcerpts: script('excerpts'),
  recallEntries: script('entries'),
  recallTold: script('told'),
  recallNewEpoch: script('new-epoch'),
  recallEnd: script('end'),
  recallAnnounce: script('announce'),
  recallHeartbeat: script('heartbeat'),
  recallHeartbeats: script('heartbeats'),
  recallMark: script('mark'),
  recallRights: script('rights'),
}

/** Parses `epoch, offset, epoch, offset …`. */
export function toPositions(reply: unknown): Position[] {
  const flat = toArray(reply)
  const positions: Position[] = []
  // Logs that began in one call share their epoch: they share the string, too.
  let latest = ''
  for (let i = 0; i < flat.length; i += 2) {
    const [epoch, offset] = [flat[i], flat[i + 1]]
    if (typeof epoch !== 'string' || typeof offset !== 'number') throw unexpectedReply()
    if (epoch !== latest) latest = epoch
    positions.push({ epoch: latest, offset })
  }
  return positions
}

export function toArray(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw unexpectedReply()
  return reply
}

export const unexpectedReply = () => new GatewayError('BROKER_UNAVAILABLE', 'unexpected reply from Redis')
