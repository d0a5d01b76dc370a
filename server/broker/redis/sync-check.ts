import type { Connection } from './connection/connection.ts'
import { readServerSettings } from './server-settings.ts'
import { toArray } from './scripts.ts'

/** How long what the check writes is stored. */
const TTL_MS = 10_000
/** With `appendfsync everysec`, the second of two writes cannot be on disk sooner after the first was made. */
const SYNC_INTERVAL_MS = 900
/** A server that was too early is trusted again after this many looks in a row that did not find it: some of them miss it. */
const LOOKS_AFTER_EARLY = 3

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
 * So the check writes and asks at once, and again. In one pipeline, most of these answers are late, as they should be: each write
 * waits for the answer before, as recalls do. Where the user may not read `appendfsync`, early answers may also come from `always`,
 * and are believed.
 */
export function createSyncCheck({ client, commands, generation, key }: SyncCheckDependencies) {
  let early: { readonly generation: number; looksToGo: number } | undefined
  let latest: { readonly generation: number; readonly outcome: Promise<void> } | undefined

  /** Writes, and asks once the write is made, without waiting. Returns whether it is said to be on disk. */
  async function isSynced(): Promise<boolean> {
    await Promise.all([client.hset(key, 'sync', ''), client.pexpire(key, TTL_MS)])
    return toArray(await client.call('WAITAOF', 1, 0, 1))[0] === 1
  }

  /** Returns whether two of up to three writes, each made after the answer about the one before, are said to be on disk too soon. */
  async function findEarly(): Promise<boolean> {
    const startedMs = performance.now()
    const answers = [await isSynced(), await isSynced()]
    if (answers[0] !== answers[1]) answers.push(await isSynced())
    return answers.filter(Boolean).length > 1 && performance.now() - startedMs < SYNC_INTERVAL_MS
  }

  async function look(of: number): Promise<void> {
    const isEarly = await findEarly()
    const appendfsync = (await readServerSettings(commands, key))?.appendfsync
    if (appendfsync === 'no') throw refusal('NOFSYNC appendfsync is no')
    if (appendfsync !== 'everysec') return void (early = undefined)
    if (isEarly) early = { generation: of, looksToGo: LOOKS_AFTER_EARLY }
    else if (early?.generation !== of || --early.looksToGo === 0) early = undefined
    if (early !== undefined) throw refusal('PREMATURE appendfsync is everysec')
  }

  function check(): Promise<void> {
    const one = { generation: generation(), outcome: look(generation()) }
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
