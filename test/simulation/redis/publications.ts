import type { Reply } from './reply.ts'

export type ChannelKind = 'plain' | 'sharded'

export interface Subscriber {
  /** Sends something unasked. */
  push(items: readonly Reply[]): void
}

/** Who listens to which channel. Sharded channels are apart from the others. */
export class Publications {
  readonly #channels: Readonly<Record<ChannelKind, Map<string, Set<Subscriber>>>> = {
    plain: new Map(),
    sharded: new Map(),
  }

  subscribe(kind: ChannelKind, channel: string, subscriber: Subscriber): void {
    const channels = this.#channels[kind]
    const subscribers = channels.get(channel)
    if (subscribers === undefined) channels.set(channel, new Set([subscriber]))
    else subscribers.add(subscriber)
  }

  unsubscribe(kind: ChannelKind, channel: string, subscriber: Subscriber): void {
    const subscribers = this.#channels[kind].get(channel)
    subscribers?.delete(subscriber)
    if (subscribers?.size === 0) this.#channels[kind].delete(channel)
  }

  /** Returns to how many subscribers the message went. */
  publish(kind: ChannelKind, channel: string, message: string): number {
    const subscribers = this.#channels[kind].get(channel)
    for (const subscriber of subscribers ?? [])
      subscriber.push([kind === 'plain' ? 'message' : 'smessage', channel, message])
    return subscribers?.size ?? 0
  }

  /** Returns the channels that have subscribers. */
  channels(kind: ChannelKind): string[] {
    return [...this.#channels[kind].keys()]
  }

  count(kind: ChannelKind, channel: string): number {
    return this.#channels[kind].get(channel)?.size ?? 0
  }
}
