import type { Broker, RoomListener } from '../../server/broker/broker.ts'
import { historySince } from '../../server/broker/history.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import { IDLE_BROKER } from './idle-broker.ts'

/** Resolves when the test lets this step happen. Everything between node and broker takes as long as the test wants. */
type Step = (what: string) => Promise<unknown>

/** A failed call either never reached the broker, or its reply was lost. */
export type Failure = 'request-lost' | 'reply-lost'

/** A broker of one room, in memory, that produces every failure the port allows, on demand. */
export function createScriptedBroker(step: Step) {
  let epochs = 1
  let epoch = 'e1'
  let published = 0
  /** Every notice of this numbering, trimmed ones included. */
  let written: Notice[] = []
  let trimmed = 0
  let connection = 0
  let isConnected = true
  let failed = 0
  const failures: Failure[] = []
  const listeners = new Set<RoomListener>()

  const head = (): Position => ({ epoch, offset: written.length })

  async function call<T>(name: string, act: () => T): Promise<T> {
    await step(`${name} arrives`)
    const failure = failures.shift()
    if (failure !== undefined) failed++
    if (failure === 'request-lost') throw new GatewayError('BROKER_UNAVAILABLE')
    const result = act()
    await step(`${name} returns`)
    if (failure === 'reply-lost') throw new GatewayError('BROKER_UNAVAILABLE')
    return result
  }

  /** Calls the listeners when the test lets it, unless the connection was lost meanwhile. */
  function notify(what: string, callback: (listener: RoomListener) => void): void {
    const sentOn = connection
    void step(what).then(() => {
      if (sentOn === connection && isConnected) for (const listener of listeners) callback(listener)
    })
  }

  function reconnect(): void {
    connection++
    isConnected = true
    notify('interrupted', (listener) => listener.onInterrupted())
  }

  /** The effect of a failover on the connections. */
  const failOver = (): void => {
    if (isConnected) reconnect()
  }

  const broker: Broker = {
    ...IDLE_BROKER,
    isReady: () => isConnected,

    async subscribe(_room, listener) {
      const leave = (): void => void listeners.delete(listener)
      try {
        return await call('subscribe', () => {
          if (!isConnected) throw new GatewayError('BROKER_UNAVAILABLE')
          listeners.add(listener)
          return { leave }
        })
      } catch (error) {
        leave()
        throw error
      }
    },

    history: (_room, since, limit) =>
      call('history', () => {
        const stored = written.slice(trimmed).filter(({ offset }) => offset > since.offset)
        return historySince(since, head(), stored.slice(0, limit))
      }),

    heads: (rooms) => call('heads', () => rooms.map(head)),

    excerpts: (parts) =>
      call('excerpts', () =>
        parts.map(({ first, last }) => ({
          head: head(),
          entries: written.slice(trimmed).filter(({ offset }) => offset >= first && offset <= last),
        })),
      ),

    newEpoch: (_room, oldEpoch) =>
      call('newEpoch', () => {
        if (oldEpoch !== epoch) return
        epoch = `e${++epochs}`
        notify('new epoch', (listener) => listener.onInterrupted())
      }),
  }

  return {
    broker,
    head,
    written: (): readonly Notice[] => written,
    listeners: () => listeners.size,
    failed: () => failed,

    /** Appends a notice and sends this many copies of it; none when it is lost in transit. */
    publish(copies: number): void {
      const seq = ++published
      const offset = written.length + 1
      const notice: Notice = { offset, group: 'g', messages: [{ seq }], recalledAtMs: 1, receivedAtMs: 1 }
      const current = epoch
      written.push(notice)
      for (let copy = 0; copy < copies; copy++) {
        notify(`notice ${seq} at ${offset}`, (listener) => listener.onNotice(notice, current))
      }
    },

    failNext: (failure: Failure): void => void failures.push(failure),

    /** Trims the log to its latest notices. */
    trim(size: number): void {
      trimmed = Math.max(trimmed, written.length - size)
    },

    /** Breaks the subscription connection; nothing is delivered until `restore`. */
    cut(): void {
      connection++
      isConnected = false
    },

    restore(): void {
      if (!isConnected) reconnect()
    },

    /** Loses everything; a new numbering starts under a new epoch. */
    loseAll(): void {
      epoch = `e${++epochs}`
      written = []
      trimmed = 0
      failOver()
    },

    /** Loses the latest notices, whose offsets are used again. Listeners learn of the interruption before what follows. */
    loseLast(count: number): void {
      written = written.slice(0, Math.max(0, written.length - count))
      trimmed = Math.min(trimmed, written.length)
      failOver()
    },

    /** Ends all failures, and reconnects. */
    recover(): void {
      failures.length = 0
      if (!isConnected) reconnect()
    },
  }
}
