import type { ChannelKind } from '../publications.ts'
import { ErrorReply } from '../reply.ts'
import type { Reply } from '../reply.ts'
import type { SessionCommand } from './session.ts'

const always = (arity: number, run: SessionCommand['run']): SessionCommand => ({
  arity,
  run,
  whileLoading: true,
})

const subscribe = (kind: ChannelKind, name: string) =>
  always(-2, ({ publications }, session, channels) => {
    const own = session.channels[kind]
    for (const channel of channels) {
      own.add(channel)
      publications.subscribe(kind, channel, session)
      session.push([name, channel, own.size])
    }
    return undefined
  })

const unsubscribe = (kind: ChannelKind, name: string) =>
  always(-1, ({ publications }, session, channels) => {
    const own = session.channels[kind]
    for (const channel of channels.length > 0 ? channels : [...own]) {
      own.delete(channel)
      publications.unsubscribe(kind, channel, session)
      session.push([name, channel, own.size])
    }
    if (channels.length === 0 && own.size === 0) session.push([name, null, 0])
    return undefined
  })

const publish = (kind: ChannelKind) =>
  always(3, ({ publications }, _session, [channel = '', message = '']) =>
    publications.publish(kind, channel, message),
  )

/** Commands on channels, plain and sharded. Without patterns. */
export const PUBLISH_COMMANDS: Readonly<Record<string, SessionCommand>> = {
  subscribe: subscribe('plain', 'subscribe'),
  unsubscribe: unsubscribe('plain', 'unsubscribe'),
  ssubscribe: subscribe('sharded', 'ssubscribe'),
  sunsubscribe: unsubscribe('sharded', 'sunsubscribe'),
  publish: publish('plain'),
  spublish: publish('sharded'),
  pubsub: always(-2, ({ publications }, _session, [verb = '', ...channels]): Reply => {
    const lower = verb.toLowerCase()
    const kind = lower.startsWith('shard') ? 'sharded' : 'plain'
    if (lower.endsWith('channels')) return publications.channels(kind)
    if (!lower.endsWith('numsub')) throw new ErrorReply(`ERR the model knows no PUBSUB ${verb}`)
    return channels.flatMap((channel) => [channel, publications.count(kind, channel)])
  }),
}
