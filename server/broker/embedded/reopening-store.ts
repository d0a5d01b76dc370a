import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { GatewayError } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { LogStore } from './log-store.ts'

/** A disk that is full for a moment. */
const FIRST_RETRY_DELAY_MS = 250
/** No webhook can be stored meanwhile. */
const MAX_RETRY_DELAY_MS = 5_000

interface ReopeningStoreDependencies {
  /** Opens the store; mends it first if it is broken. */
  readonly open: (isBroken: boolean) => Promise<LogStore>
  /** Called once a broken store is open again. */
  readonly onMended: () => void
  readonly log: Logger
}

/**
 * A store that is opened again when it turns out to be broken, which mends it: until that succeeds, because one failure may be
 * that of a disk which was full for a moment. Meanwhile there is none.
 */
export function createReopeningStore({ open, onMended, log }: ReopeningStoreDependencies) {
  const stopping = new AbortController()
  let opened: LogStore | undefined
  let mending: Promise<void> | undefined

  async function mend(err: unknown): Promise<void> {
    log.error({ err }, 'the store is damaged, opening it again')
    const damaged = opened
    opened = undefined
    await damaged?.close().catch(() => undefined)
    for (let failures = 0; opened === undefined && !stopping.signal.aborted; failures++) {
      try {
        opened = await open(true)
      } catch (error) {
        log.error({ err: error }, 'cannot mend the store, trying again')
        const delayMs = fullJitterMs(failures, { baseMs: FIRST_RETRY_DELAY_MS, maxMs: MAX_RETRY_DELAY_MS })
        await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
    mending = undefined
    if (opened !== undefined && !stopping.signal.aborted) onMended()
  }

  return {
    /** Rejects with the errors of `open`. */
    async open(): Promise<LogStore> {
      return (opened = await open(false))
    },

    /** Throws BROKER_UNAVAILABLE while it is not open. */
    get(): LogStore {
      if (opened === undefined) throw new GatewayError('BROKER_UNAVAILABLE', 'the local store is not open')
      return opened
    },

    isOpen: (): boolean => opened !== undefined,

    /** To be called when it turns out to be broken. */
    broken: (err: unknown): void => void (mending ??= mend(err)),

    async close(): Promise<void> {
      stopping.abort()
      await mending
      const closing = opened
      opened = undefined
      await closing?.close()
    },
  }
}
