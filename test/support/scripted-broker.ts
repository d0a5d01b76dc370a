import type { Broker, RoomListener } from '../../server/broker/broker.ts'
import { historySince } from '../../server/broker/history.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'

/** Resolves when the test lets this step happen: whatever is between node and broker takes as long as the test likes. */
type Step = (what: string) => Promise<unknown>

/** A failed call either never reached the broker, or its answer got lost. */
export type Failure = 'unheard' | 'unanswered'

/** A broker of one room, in memory, with every misfortune that the port allows, on demand. */
export function createScriptedBroker(step: Step) {
  let epochs = 1
  let epoch = 'e1'
  let published = 0
  /** Each notice of this numbering, also what the log no longer holds. */
  let written: Notice[] = []
  let trimmed = 0
  let connection = 0
  let isListening = true
  let failed = 0
  const failures: Failure[] = []
  const listeners = new Set<RoomListener>()

  const top = (): Position => ({ epoch, offset: written.length })

  async function call<T>(name: string, act: () => T): Promise<T> {
    await step(`${name} is heard`)
    const failure = failures.shift()
    if (failure !== undefined) failed++
    if (failure === 'unheard') throw new GatewayError('BROKER_UNAVAILABLE')
    const result = act()
    await step(`${name} is answered`)
    if (failure === 'unanswered') throw new GatewayError('BROKER_UNAVAILABLE')
    return result
  }

  /** What is on its way is lost together with the connection. */
  function tell(what: string, say: (listener: RoomListener) => void): void {
    const on = connection
    void step(what).then(() => {
      if (on === connection && isListening) for (const listener of listeners) say(listener)
    })
  }

  function reconnect(): void {
    connection++
    isListening = true
    tell('interrupted', (listener) => listener.onInterrupted())
  }

  /** What a failover does to connections. */
  const failOver = (): void => {
    if (isListening) reconnect()
  }

  const broker: Broker = {
    start: async () => undefined,
    stop: async () => undefined,
    isReady: () => isListening,
    probeAgeMs: () => 0,
    publish: async () => ({ duplicate: false, positions: [] }),
    recalled: async () => [],
    announce: async () => undefined,
    heartbeat: async () => undefined,
    heartbeats: async () => [],
    historyBefore: async () => ({ notices: [], head: { epoch: 'e', offset: 0 } }),
    onAnnouncement: () => () => undefined,

    async subscribe(_room, listener) {
      const leave = (): void => void listeners.delete(listener)
      try {
        return await call('subscribe', () => {
          if (!isListening) throw new GatewayError('BROKER_UNAVAILABLE')
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
        const kept = written.slice(trimmed).filter(({ offset }) => offset > since.offset)
        return historySince(since, top(), kept.slice(0, limit))
      }),

    heads: (rooms) => call('heads', () => rooms.map(top)),

    newEpoch: (_room, old) =>
      call('newEpoch', () => {
        if (old !== epoch) return
        epoch = `e${++epochs}`
        tell('look', (listener) => listener.onInterrupted())
      }),
  }

  return {
    broker,
    top,
    written: (): readonly Notice[] => written,
    listeners: () => listeners.size,
    failed: () => failed,

    /** Appends a notice and sends it this often: not at all when it gets lost on the way. */
    publish(copies: number): void {
      const seq = ++published
      const offset = written.length + 1
      const notice: Notice = { offset, group: 'g', messages: [{ seq }], recalledAtMs: 1, receivedAtMs: 1 }
      const current = epoch
      written.push(notice)
      for (let copy = 0; copy < copies; copy++) {
        tell(`notice ${seq} at ${offset}`, (listener) => listener.onNotice(notice, current))
      }
    },

    failNext: (failure: Failure): void => void failures.push(failure),

    /** Keeps only the latest notices. */
    trim(keep: number): void {
      trimmed = Math.max(trimmed, written.length - keep)
    },

    /** The subscription connection breaks; nobody is told anything until it is mended. */
    cut(): void {
      connection++
      isListening = false
    },

    mend(): void {
      if (!isListening) reconnect()
    },

    /** The store forgets everything and numbers anew. */
    beginAnew(): void {
      epoch = `e${++epochs}`
      written = []
      trimmed = 0
      failOver()
    },

    /**
     * The store forgets its latest notices and will give their offsets to others; who listens hears of the interruption
     * before anything that follows.
     */
    loseLast(count: number): void {
      written = written.slice(0, Math.max(0, written.length - count))
      trimmed = Math.min(trimmed, written.length)
      failOver()
    },

    /** From now on nothing goes wrong any more. */
    calmDown(): void {
      failures.length = 0
      if (!isListening) reconnect()
    },
  }
}
