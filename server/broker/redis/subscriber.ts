import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { GatewayError, reasonOf } from '../../../shared/errors.ts'
import { createBatchLoader } from '../../lib/flow-control.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { RoomListener, Subscription } from '../broker.ts'
import { RoomListeners, RoomSubscription } from '../room-listeners.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import type { ReadEntry } from './signature.ts'

/** Channels per SSUBSCRIBE. Redis and this process take about a millisecond each for so many. */
const MAX_CHANNELS_PER_CALL = 512

/** While Redis refuses the subscriptions, the next attempt follows within this time. */
const RETRY_DELAY = { baseMs: 250, maxMs: 1_000 }
/** The start does not wait longer for subscriptions that Redis refuses. */
const FIRST_SUBSCRIPTION_MS = 1_000

/** Published on a room's channel instead of a notice: the log has changed, read it. */
const LOOK = 'look'

interface SubscriberDependencies {
  readonly keys: Keys
  readonly probeChannel: string
  readonly onProbe: (probe: string) => void
  /** All subscriptions are there, for the first time or again. */
  readonly onComplete: () => void
  readonly readEntry: ReadEntry
  /** Called with each error of a subscription. Returns whether another connection could help. */
  readonly onFailure: (error: unknown) => boolean
  readonly log: Logger
}

export type Subscriber = ReturnType<typeof createSubscriber>

/** The subscription connection: one sharded channel for each room that has a listener in this process. */
export function createSubscriber(
  { client, generation, reconnect, open, close }: Connection,
  { keys, probeChannel, onProbe, onComplete, readEntry, onFailure, log }: SubscriberDependencies,
) {
  const listeners = new RoomListeners()
  /** Of channels that belong to no room. */
  const lines = new Map<string, (text: string) => void>()
  let isComplete = false
  let subscribing: Promise<void> | undefined

  /** Batched, because the sockets of a lost node arrive together at the other nodes, and with them their rooms. */
  const subscribeTo = createBatchLoader(MAX_CHANNELS_PER_CALL, async (channels: readonly string[]) => {
    await client.ssubscribe(...channels)
    return channels
  })

  client.on('smessage', (channel: string, text: string) => {
    if (channel === probeChannel) return onProbe(text)
    const onText = lines.get(channel)
    if (onText !== undefined) return onText(text)
    const room = keys.roomOfChannel(channel)
    // A trial of what Redis allows, which comes late.
    if (room === undefined) return
    if (text === LOOK) return listeners.notifyInterrupted(room)
    const message = parseMessage(text)
    const notice = message && readEntry(message.entry, message.offset, room)
    if (message && notice) return listeners.deliver(room, notice, message.epoch)
    log.error({ room }, 'unreadable notice in Redis')
    listeners.notifyInterrupted(room)
  })

  client.on('close', lose)
  // Emitted for the first connection too, when there are no listeners yet.
  client.on('ready', () => void (subscribing = resubscribe()))

  function lose(): void {
    isComplete = false
    listeners.notifyAllLost()
  }

  async function resubscribe(): Promise<void> {
    const connection = generation()
    const isCurrent = (): boolean => generation() === connection && client.status === 'ready'
    const rooms = listeners.rooms()
    /** How many of them are subscribed again. What fails is not a reason to begin anew: with 100,000 rooms it might never end. */
    let done = 0
    for (let failures = 0; isCurrent(); failures++) {
      try {
        await client.ssubscribe(probeChannel, ...lines.keys())
        while (done < rooms.length) {
          const next = rooms.slice(done, done + MAX_CHANNELS_PER_CALL).filter((room) => listeners.has(room))
          if (next.length > 0) await client.ssubscribe(...next.map(keys.channel))
          if (!isCurrent()) return
          done += MAX_CHANNELS_PER_CALL
          // So few at a time, and while the others are subscribed: they look at their logs now.
          for (const room of next) listeners.notifyInterrupted(room)
        }
      } catch (error) {
        // Half of the subscriptions is worse than none: nothing would reveal the missing half.
        if (!isCurrent()) return
        if (onFailure(error) && !(await isAnswering())) {
          if (!isCurrent()) return
          log.warn({ reason: reasonOf(error) }, 'resubscribing failed, reconnecting')
          return reconnect()
        }
        await delay(fullJitterMs(failures, RETRY_DELAY), undefined, { ref: false })
        continue
      }
      isComplete = true
      return onComplete()
    }
  }

  /** Whether the server answers on this connection, which proves that it has done what was sent before: this process was late. */
  const isAnswering = (): Promise<boolean> =>
    client.ping().then(
      () => true,
      () => false,
    )

  function leave(room: string, listener: RoomListener): void {
    if (!listeners.remove(room, listener)) return
    // If this fails, the connection is lost, and the subscription with it.
    client.sunsubscribe(keys.channel(room)).catch(() => undefined)
  }

  /** Rejects with BROKER_UNAVAILABLE. */
  async function subscribeNow(channel: string): Promise<void> {
    try {
      await subscribeTo(channel)
    } catch (error) {
      onFailure(error)
      throw new GatewayError('BROKER_UNAVAILABLE', undefined, { cause: error })
    }
  }

  return {
    /** Connects, and subscribes unless Redis refuses, which is retried. Rejects with START_FAILED. */
    async start(): Promise<void> {
      await open()
      await Promise.race([subscribing, delay(FIRST_SUBSCRIPTION_MS, undefined, { ref: false })])
    },

    stop: close,

    /** Replaces a connection that looks healthy but does not deliver. Its listeners know before it is gone. */
    replace(): void {
      lose()
      reconnect()
    },

    /** Returns whether the connection is up with all its subscriptions. */
    isReady: () => client.status === 'ready' && isComplete,

    async subscribe(room: string, listener: RoomListener): Promise<Subscription> {
      listeners.add(room, listener)
      await subscribeNow(keys.channel(room)).catch((error: unknown) => {
        leave(room, listener)
        throw error
      })
      return new RoomSubscription(room, listener, leave)
    },

    /**
     * Calls `onText` with what is published on a channel that belongs to no room, of which some may be lost. Resolves once
     * subscribed; rejects with BROKER_UNAVAILABLE, and is subscribed to with the next connection all the same.
     */
    async listen(channel: string, onText: (text: string) => void): Promise<void> {
      lines.set(channel, onText)
      await subscribeNow(channel)
    },

    /** Ends `listen`. */
    hangUp(channel: string): void {
      if (lines.delete(channel)) client.sunsubscribe(channel).catch(() => undefined)
    },
  }
}

/** Parses `epoch:offset:entry`, as the publish script sends an entry; returns null for anything else. */
function parseMessage(
  message: string,
): { readonly epoch: string; readonly offset: number; readonly entry: string } | null {
  const [, epoch, offset, entry] = /^([^:]{1,64}):(\d{1,15}):(.*)$/s.exec(message) ?? []
  if (epoch === undefined || offset === undefined || entry === undefined) return null
  return { epoch, offset: Number(offset), entry }
}
