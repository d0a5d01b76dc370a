import { get } from 'node:http'
import { createRecallClient } from '../../../shared/client.ts'
import type { RecallClient } from '../../../shared/client.ts'
import type { Entry, EntryOf } from '../history.ts'
import type { FoundProcess } from '../history/gateway.ts'
import { world } from '../world/world.ts'
import { disks } from '../world/stores.ts'
import { net } from '../world/network.ts'
import { SimProcess } from '../world/schedule.ts'
import type { SimGateway } from './gateway.ts'
import type { System } from './system.ts'
import { storeOneMore } from './last-recall.ts'
import { signToken } from './tokens.ts'
import { seqOf } from '../../support/seqs.ts'

const LOOK_TIMEOUT_MS = 20_000
const RETRY_MS = 500
/** The client may ask about so many at once. */
const MAX_SEQS = 1_000

type Found = EntryOf<'found'>
type Recalled = Found['recalled'][number]
interface Asked {
  readonly group: string
  readonly topic?: string
  readonly seqs: Set<number>
}

/** Asks the gateway what is recalled and how it is, and looks at what is left. Undefined if it does not answer. */
export async function look(system: System): Promise<Omit<Found, 'kind' | 'atMs'> | undefined> {
  const { schedule } = world
  // Before anybody asks: what is there is of the system alone.
  const sizes = system.gateways.map(sizesOf)
  const { model } = system.redis ?? {}
  const redis = model && { connections: model.connections, channels: model.channels }
  const asking = new SimProcess('auditor')
  let answers: { readonly recalled: Recalled[]; readonly said: readonly Said[] } | undefined
  const untilMs = schedule.nowMs + LOOK_TIMEOUT_MS
  schedule.after(0, asking, () => {
    const getToken = (): Promise<string> => signToken({ sub: 'auditor', isAdmin: true, lifeMs: 600_000 })
    const client = createRecallClient({ url: 'http://nodes', getToken })
    void Promise.all([
      askRecalled(client, conversationsOf(system.history.entries)),
      Promise.all(system.gateways.map(async (gateway) => ask(gateway, await getToken()))),
    ]).then(async ([recalled, said]) => {
      // Nobody is told of what comes now.
      for (const { process } of system.users) if (process) schedule.kill(process)
      answers = { recalled, said: await Promise.all(said.map((one, i) => storing(system, i, one))) }
    })
  })
  await schedule.run(() => answers !== undefined || schedule.nowMs >= untilMs)
  schedule.kill(asking)
  if (answers === undefined) return undefined
  const { recalled, said } = answers
  return {
    recalled,
    spooled: system.receivers.reduce(
      (sum, { dataDir }) => sum + (disks.current.sizes(`${dataDir}/spool`)['entries'] ?? 0),
      0,
    ),
    processes: sizes.map((process, i) => ({ ...process, ...(said[i] as Said) })),
    ...(redis && { redis }),
  }
}

type Said = Pick<FoundProcess, 'ready' | 'problems' | 'stores'>

async function storing({ gateways, receivers }: System, i: number, said: Said): Promise<Said> {
  const gateway = gateways[i]
  if (gateway === undefined || !receivers.includes(gateway)) return said
  return { ...said, stores: await storeOneMore(gateway.port) }
}

function sizesOf({ name, process }: SimGateway): Pick<FoundProcess, 'name' | 'timers' | 'connections'> {
  if (process === undefined) return { name, timers: 0, connections: 0 }
  return {
    name,
    timers: world.schedule.waiting(process),
    connections: net.network.between((from) => from === process).length,
  }
}

async function ask({ name, port }: SimGateway, token: string): Promise<Said> {
  const ready = await answerOf(port, '/readyz')
  if (name.startsWith('receiver')) return { ready: ready?.status, problems: [] }
  const status = await answerOf(port, '/v1/status', token)
  if (status?.status !== 200) return { ready: ready?.status, problems: [`/v1/status: ${status?.status}`] }
  const { problems = [] } = JSON.parse(status.text) as { problems?: { code: string; message: string }[] }
  return { ready: ready?.status, problems: problems.map(({ code, message }) => `${code}: ${message}`) }
}

/** Undefined if nobody answers. */
const answerOf = (port: number, path: string, token?: string): Promise<Answer | undefined> =>
  new Promise((resolve) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const call = get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    call.on('error', () => resolve(undefined))
    setTimeout(() => resolve(undefined), LOOK_TIMEOUT_MS / 2)
  })

interface Answer {
  readonly status: number
  readonly text: string
}

/** Every message that was ever recalled. */
function conversationsOf(history: readonly Entry[]): Asked[] {
  const asked = new Map<string, Asked>()
  for (const entry of history) {
    if (entry.kind !== 'sent') continue
    const { group, topic, seqs } = entry
    const key = JSON.stringify([group, topic])
    const known = asked.get(key) ?? { group, ...(topic !== undefined && { topic }), seqs: new Set() }
    for (const seq of seqs) known.seqs.add(seq)
    asked.set(key, known)
  }
  return [...asked.values()]
}

async function askRecalled(client: RecallClient, conversations: readonly Asked[]): Promise<Recalled[]> {
  const answers: Recalled[] = []
  for (const { seqs, ...conversation } of conversations) {
    const messages: { seq: number; atMs: number }[] = []
    const all = [...seqs]
    for (let i = 0; i < all.length;) {
      const found = await client.recalled(conversation, all.slice(i, i + MAX_SEQS)).catch(() => undefined)
      if (found === undefined) await new Promise((resolve) => void setTimeout(resolve, RETRY_MS))
      else {
        messages.push(...found.map((message) => ({ seq: seqOf(message), atMs: message.atMs })))
        i += MAX_SEQS
      }
    }
    answers.push({ ...conversation, messages })
  }
  return answers
}
