import type { Connection } from './connection/connection.ts'
import { readServerSettings } from './server-settings.ts'
import { toArray } from './scripts.ts'

/** How long what the check writes is stored. */
const TTL_MS = 10_000
/** With `appendfsync everysec`, the second of two writes cannot be on disk sooner after the first was made. */
const SYNC_INTERVAL_MS = 900

interface SyncCheckDependencies {
  /** The connection whose writes are confirmed. */
  readonly client: Connection['client']
  /** Reads settings: nothing blocks it. */
  readonly commands: Connection['client']
  readonly generation: () => number
  /** A hash that nothing else uses. */
  readonly key: string
}

/**
 * Finds out whether WAITAOF of this server says that a write is on disk only when it is. Some versions say so too early with
 * `appendfsync everysec` (Redis 7.4.0 to 7.4.2, Valkey 8.0 and 8.1), and one with `appendonly no` or `appendfsync no` never can.
 * So the check writes twice, and asks at once. Where the user may not read `appendfsync`, two early answers may also come from
 * `always`, and are believed.
 */
export function createSyncCheck({ client, commands, generation, key }: SyncCheckDependencies) {
  let latest: { readonly generation: number; readonly outcome: Promise<void> } | undefined

  /** Writes, and asks at once, twice. Returns whether both writes are said to be on disk; together, so that they wait only once. */
  async function areSynced(): Promise<boolean> {
    const ask = (): Promise<unknown> => client.call('WAITAOF', 1, 0, 1)
    const write = (): Promise<unknown> => client.hset(key, 'sync', '')
    const [, , first, , second] = await Promise.all([
      write(),
      client.pexpire(key, TTL_MS),
      ask(),
      write(),
      ask(),
    ])
    return [first, second].every((reply) => toArray(reply)[0] === 1)
  }

  async function look(): Promise<void> {
    const startedMs = performance.now()
    const isEarly = (await areSynced()) && performance.now() - startedMs < SYNC_INTERVAL_MS
    const appendfsync = (await readServerSettings(commands, key))?.appendfsync
    if (appendfsync === 'no') throw refusal('NOFSYNC appendfsync is no')
    if (isEarly && appendfsync === 'everysec') throw refusal('PREMATURE appendfsync is everysec')
  }

  function check(): Promise<void> {
    const one = { generation: generation(), outcome: look() }
    // What was found before about the same server counts until this is known.
    if (latest?.generation !== one.generation) latest = one
    one.outcome.then(
      () => (latest = one),
      (error: unknown) => {
        if (error instanceof Error && error.name === 'ReplyError') latest = one
        // Without a reply nothing is known.
        else if (latest === one) latest = undefined
      },
    )
    return one.outcome
  }

  return {
    /** Looks now. Rejects with the error of Redis, or one that is treated like it, if the server cannot be trusted. */
    check,
    /** Rejects if the latest look at the server of this connection found that it cannot be trusted. */
    ensure: (): Promise<void> => (latest?.generation === generation() ? latest.outcome : check()),
  }
}

/** As if the server had said so itself. */
const refusal = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })
