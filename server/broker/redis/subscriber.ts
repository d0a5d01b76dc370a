import { GatewayError } from '../../../shared/errors.ts'
import { createBatchLoader } from '../../lib/flow-control.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { RoomListener, Subscription } from '../broker.ts'
import { RoomListeners } from '../room-listeners.ts'
import { connectFirst, disconnect } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import type { ReadEntry } from './signature.ts'
import type { RedisEndpoint } from './connection/address.ts'

/** Channels in one SSUBSCRIBE. */
const CHANNELS_PER_CALL = 512

/** Sent on the channel of a room instead of a notice: the log has changed, look at it. */
const LOOK = 'look'

interface SubscriberDependencies {
  readonly keys: Keys
  readonly probeChannel: string
  readonly onProbe: (probe: string) => void
  readonly readEntry: ReadEntry
  readonly log: Logger
}

/** The subscription connection: one channel per room that someone in this process listens to. */
export function createSubscriber(
  { client, reconnect: rebuild }: Connection,
  { keys, probeChannel, onProbe, readEntry, log }: SubscriberDependencies,
) {
  const listeners = new RoomListeners()
  let isComplete = false
  let subscribing: Promise<void> | undefined

  /** When a node is lost, many come to the others at once, and with them rooms. */
  const subscribeTo = createBatchLoader(CHANNELS_PER_CALL, async (channels: readonly string[]) => {
    await client.ssubscribe(...channels)
    return channels
  })

  client.on('smessage', (channel: string, message: string) => {
    if (channel === probeChannel) return onProbe(message)
    const room = keys.roomOfChannel(channel)
    if (message === LOOK) return listeners.notifyInterrupted(room)
    const spread = parseMessage(message)
    const notice = spread && readEntry(spread.entry, spread.offset, room)
    if (spread && notice) return listeners.deliver(room, notice, spread.epoch)
    log.error({ room }, 'unreadable notice in Redis')
    listeners.notifyInterrupted(room)
  })

  client.on('close', () => (isComplete = false))
  // Also called for the first connection, when nobody listens yet.
  client.on('ready', () => void (subscribing = subscribeAgain()))

  async function subscribeAgain(): Promise<void> {
    const rooms = listeners.rooms()
    try {
      await client.ssubscribe(probeChannel)
      for (let i = 0; i < rooms.length; i += CHANNELS_PER_CALL) {
        await client.ssubscribe(...rooms.slice(i, i + CHANNELS_PER_CALL).map(keys.channel))
      }
    } catch (err) {
      // Half a subscription is worse than none: nobody would notice the missing half.
      log.warn({ err }, 'subscribing again failed, connecting anew')
      if (client.status === 'ready') rebuild()
      return
    }
    isComplete = true
    for (const room of rooms) listeners.notifyInterrupted(room)
  }

  function leave(room: string, listener: RoomListener): void {
    if (!listeners.remove(room, listener)) return
    // On failure the connection is gone, and the subscription with it.
    client.sunsubscribe(keys.channel(room)).catch(() => undefined)
  }

  return {
    async start(target: RedisEndpoint): Promise<void> {
      await connectFirst(client, target)
      await subscribing
    },

    stop: () => disconnect(client),

    /** Whether the connection stands with all its subscriptions. */
    isReady: () => client.status === 'ready' && isComplete,

    async subscribe(room: string, listener: RoomListener): Promise<Subscription> {
      listeners.add(room, listener)
      try {
        await subscribeTo(keys.channel(room))
      } catch (error) {
        leave(room, listener)
        throw new GatewayError('BROKER_UNAVAILABLE', undefined, { cause: error })
      }
      return { leave: () => leave(room, listener) }
    },
  }
}

export type Subscriber = ReturnType<typeof createSubscriber>

/** Reads `epoch:offset:entry`, the form in which an entry travels; null for anything else. */
function parseMessage(
  message: string,
): { readonly epoch: string; readonly offset: number; readonly entry: string } | null {
  const [, epoch, offset, entry] = /^([^:]{1,64}):(\d{1,15}):(.*)$/s.exec(message) ?? []
  if (epoch === undefined || offset === undefined || entry === undefined) return null
  return { epoch, offset: Number(offset), entry }
}
