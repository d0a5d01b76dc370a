import { inspect, isDeepStrictEqual } from 'node:util'
import type { RedisModel } from '../model.ts'
import { isChange } from './calls.ts'
import type { Call } from './words.ts'
import { contentOf, send } from './servers.ts'
import type { ServerUnderTest } from './servers.ts'

/** How far apart the ends of keys may be, beside what a call took: an absurdly late end is only near in the model. */
const toleranceMs = (expiresAt: number): number => (expiresAt < 0 ? 0 : Math.max(100, expiresAt * 1e-11))

interface PairOptions {
  readonly real: ServerUnderTest
  readonly model: RedisModel
  /** The model with its own clients. */
  readonly modelled: ServerUnderTest
  readonly setModelClock: (ms: number) => void
}

/** Makes the same calls to a real server and to the model, and rejects at the first difference. */
export async function compare(calls: readonly Call[], { real, model, modelled, setModelClock }: PairOptions) {
  let isRepeated = false
  /** How far the real clock moved on during a call, at most. */
  let slowestMs = 0
  const version = /redis_version:(\d+\.\d+)/.exec(await real.admin.info('server'))?.[1]
  const likeReal = version === '7.0' ? (reply: unknown) => reply : inAnyVersion

  /** Calls the real server, and the model at the same time by its clock. */
  async function callBoth(call: Call): Promise<void> {
    const [before, reply] = await Promise.all([real.client.time(), send(real.client, call)])
    // Not with the call, which is sent again if the server does not know the script.
    const after = await real.client.time()
    const [fromMs, untilMs] = [toMs(before), toMs(after)]
    slowestMs = Math.max(slowestMs, untilMs - fromMs)
    const { position } = model
    setModelClock(fromMs)
    let modelReply = await send(modelled.client, call)
    let content: ReturnType<typeof contentOf> | undefined
    // What the real server has does not change meanwhile, and to ask it for each millisecond would take long.
    async function hasSameContent(): Promise<boolean> {
      content ??= contentOf(real.admin)
      const [expected, found] = await Promise.all([content, contentInModel()])
      return isDeepStrictEqual(likeReal(withoutExpiry(found)), likeReal(withoutExpiry(expected)))
    }
    // The clock moved on in between: each of these times may have been the one.
    for (let ms = fromMs + 1; ms <= untilMs; ms++) {
      if (isDeepStrictEqual(likeReal(modelReply), likeReal(reply)) && (await hasSameContent())) break
      isRepeated = true
      model.rollBackTo(position)
      setModelClock(ms)
      modelReply = await send(modelled.client, call)
    }
    setModelClock(untilMs)
    expectSame(likeReal(modelReply), likeReal(reply), `reply to ${JSON.stringify(call)}`)
  }

  async function contentInModel() {
    const { denied } = model.refusals
    model.refusals.denied = new Set()
    const content = await contentOf(modelled.admin)
    model.refusals.denied = denied
    return content
  }

  async function change([name, word = '']: Call): Promise<void> {
    const text = String(word)
    const { refusals } = model
    if (name === 'forget scripts')
      await Promise.all([real, modelled].map(({ client }) => client.script('FLUSH')))
    else if (name === 'memory') {
      refusals.isFull = text === 'full'
      await real.admin.config('SET', 'maxmemory', refusals.isFull ? 1 : 0)
    } else if (name === 'role') {
      refusals.isReplica = text === 'replica'
      await real.admin.replicaof(
        ...((refusals.isReplica ? ['127.0.0.1', 1] : ['NO', 'ONE']) as ['NO', 'ONE']),
      )
    } else if (name === 'deny') {
      refusals.denied = new Set(text === 'nothing' ? [] : [text])
      const rules = ['+@all', ...(text === 'nothing' ? [] : [`-${text}`])]
      await real.admin.call('ACL', 'SETUSER', 'default', ...rules)
    } else if (!refusals.isReplica && !refusals.denied.has('pexpire')) {
      await callBoth(['pexpire', text, 1])
      // In the model the key may live until a millisecond later: its time of the call is only a near one.
      do setModelClock(toMs(await real.client.time()))
      while ((await real.admin.pttl(text)) >= 0 || (await modelled.admin.pttl(text)) >= 0)
    }
  }

  async function start(): Promise<void> {
    await change(['memory', 'free'])
    await change(['role', 'master'])
    await change(['deny', 'nothing'])
    await Promise.all([real.admin.flushall(), modelled.admin.flushall()])
    await Promise.all([real.messages(), modelled.messages()])
  }

  await start()
  for (const call of calls) await (isChange(call) ? change(call) : callBoth(call))
  await change(['memory', 'free'])
  await change(['role', 'master'])
  await change(['deny', 'nothing'])
  const [expected, found] = await Promise.all([contentOf(real.admin), contentInModel()])
  expectSame(likeReal(withoutExpiry(found)), likeReal(withoutExpiry(expected)), 'keys')
  for (const [key, { expiresAt }] of Object.entries(expected)) {
    const difference = Math.abs((found[key]?.expiresAt ?? 0) - expiresAt)
    if (difference > toleranceMs(expiresAt) + slowestMs) throw new Error(`expiry of ${key}: ${difference} ms`)
  }
  const [messages, modelMessages] = await Promise.all([real.messages(), modelled.messages()])
  // What was sent again to the model was also published again.
  if (!isRepeated) expectSame(modelMessages, messages, 'messages')
}

const toMs = ([seconds, microseconds]: readonly (string | number)[]): number =>
  Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)

const withoutExpiry = (contents: Awaited<ReturnType<typeof contentOf>>) =>
  Object.fromEntries(Object.entries(contents).map(([key, { type, content }]) => [key, { type, content }]))

/** Versions word errors differently, and print scores with other numbers of digits: the model is like 7.0 there. */
function inAnyVersion(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(inAnyVersion)
  if (typeof reply === 'object' && reply !== null)
    return Object.fromEntries(Object.entries(reply).map(([key, value]) => [key, inAnyVersion(value)]))
  if (typeof reply !== 'string') return reply
  if (reply.startsWith('error: ')) return 'error'
  return /^-?\d+\.\d+(e[+-]\d+)?$/.test(reply) ? String(Number(reply)) : reply
}

function expectSame(found: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(found, expected)) return
  const [model, real] = [found, expected].map((one) => inspect(one, { depth: 8, breakLength: 200 }))
  throw new Error(`${what}: the model has\n${model}\nrather than\n${real}`)
}
