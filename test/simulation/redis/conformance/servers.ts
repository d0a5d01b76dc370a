import { Redis } from 'ioredis'
import { SCRIPTS } from '../../../../server/broker/redis/scripts.ts'
import type { ScriptedRedis } from '../../../../server/broker/redis/scripts.ts'
import { connectorTo } from '../connector.ts'
import type { RedisModel } from '../model.ts'
import { CHANNELS } from './words.ts'
import type { Call } from './words.ts'

const OPTIONS = { scripts: SCRIPTS, disableClientInfo: true, lazyConnect: true, enableOfflineQueue: false }

/** A server, real or not, with a client that calls it and one that listens to all channels. */
export interface ServerUnderTest {
  readonly client: ScriptedRedis
  /** May do anything, whatever the client may do. */
  readonly admin: ScriptedRedis
  /** Resolves to what the channels got since the last time. */
  readonly messages: () => Promise<readonly string[]>
  readonly close: () => void
}

export async function realServer(url: string): Promise<ServerUnderTest> {
  const setUp = new Redis(url)
  await setUp.call('ACL', 'SETUSER', 'admin', 'on', '>p', '~*', '&*', '+@all')
  setUp.disconnect()
  const admin = new Redis(url, { ...OPTIONS, username: 'admin', password: 'p' }) as ScriptedRedis
  return await under(() => new Redis(url, OPTIONS) as ScriptedRedis, admin)
}

export async function modelServer(model: RedisModel): Promise<ServerUnderTest> {
  const create = () => new Redis({ ...OPTIONS, Connector: connectorTo(model) }) as ScriptedRedis
  return await under(create, create())
}

async function under(create: () => ScriptedRedis, admin: ScriptedRedis): Promise<ServerUnderTest> {
  const [client, subscriber] = [create(), create()]
  await Promise.all([client, subscriber, admin].map((one) => one.connect()))
  let messages: string[] = []
  let onMarker = (): void => undefined
  subscriber.on('smessage', (channel: string, text: string) => {
    if (channel === 'marker') onMarker()
    else messages.push(`${channel} ${text}`)
  })
  await subscriber.ssubscribe('marker', ...CHANNELS)
  return {
    client,
    admin,
    async messages() {
      const arrived = new Promise<void>((resolve) => (onMarker = resolve))
      await Promise.all([admin.spublish('marker', ''), arrived])
      const all = messages
      messages = []
      return all
    },
    close() {
      for (const one of [client, subscriber, admin]) one.disconnect()
    },
  }
}

/** Sends a call. Resolves to what can be compared: an error becomes its text. */
export async function send(client: ScriptedRedis, [name, ...words]: Call): Promise<unknown> {
  const reply = Object.hasOwn(SCRIPTS, name)
    ? client[name as keyof typeof SCRIPTS](Number(words[0]), ...words.slice(1))
    : client.call(name, ...words.map(String))
  return comparable(await reply.catch((error: unknown) => error))
}

function comparable(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(comparable)
  return reply instanceof Error ? `error: ${withoutPlace(reply.message)}` : reply
}

/** Leaves out line numbers, and the words of Lua about values that no caller sends. */
const withoutPlace = (message: string): string =>
  /user_script:\s?\d*:? /.test(message.replace(/ script: .*$/s, ''))
    ? (/^\w+/.exec(message)?.[0] ?? '')
    : message.replace(/,? script: [0-9a-f]{40}.*$/s, '')

interface Held {
  readonly type: string
  readonly content: unknown
  /** In ms since 1970; -1 for never. */
  readonly expiresAt: number
}

/** Reads everything that a server holds. */
export async function contentOf(client: ScriptedRedis): Promise<Readonly<Record<string, Held>>> {
  const keys = (await client.keys('*')).toSorted()
  const contents = keys.map(async (key) => {
    const type = await client.type(key)
    const [content, expiresAt] = await Promise.all([READ[type]?.(client, key), client.pexpiretime(key)])
    return [key, { type, content, expiresAt: Number(expiresAt) }] as const
  })
  return Object.fromEntries(await Promise.all(contents))
}

const READ: Readonly<Record<string, (client: ScriptedRedis, key: string) => Promise<unknown>>> = {
  string: (client, key) => client.get(key),
  list: (client, key) => client.lrange(key, 0, -1),
  set: async (client, key) => (await client.smembers(key)).toSorted(),
  hash: (client, key) => client.hgetall(key),
  zset: (client, key) => client.zrange(key, '0', '-1', 'WITHSCORES'),
  stream: (client, key) => client.xrange(key, '-', '+'),
}
