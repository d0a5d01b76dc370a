import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'redis'
import { readMetric } from '../support/read-metric.ts'
import { latenciesOf } from './delivery-rows.ts'
import { cpuSince, errorsIn, Harness } from './harness.ts'
import type { CpuShare, ErrorCounts } from './harness.ts'
import { memoryOf, peakMemoryOf, resetPeakMemory } from './process-usage.ts'
import type { Figures } from './row.ts'
import { readSpooled } from './syncs.ts'

const ROOMS_PER_SOCKET = 1_000
/** Until the process has cleaned up after the subscribes. */
const SETTLE_MS = 5_000
/** All logs are checked about every half minute. */
const IDLE_MS = 40_000
const HEAL_TIMEOUT_MS = 120_000
/** A node that does not know whether its rooms have caught up says so within 3 s. */
const DOUBT_MS = 3_500
const POLL_MS = 100

/** What many rooms of one node cost: to subscribe to, to have, to deliver to, and to heal after the loss of the subscriptions. */
export function measureManyRooms(rooms: number): Promise<Figures> {
  return Harness.run('gateway', async (harness) => {
    const { node, redis } = partsOf(harness)
    const memory = (): number[] => [node.pid, redis.pid].map(memoryOf)
    const [memoryBefore, cpuBefore] = [memory(), harness.cpu()]
    const sockets = Math.ceil(rooms / ROOMS_PER_SOCKET)
    const subscribedS = await harness.subscribe({ sockets, rooms, roomsPerSocket: ROOMS_PER_SOCKET })
    const subscribeCpu = cpuSince(cpuBefore, harness.cpu())
    await delay(SETTLE_MS)
    const [kB = NaN, redisKB = NaN] = memory().map(
      (bytes, i) => (bytes - (memoryBefore[i] ?? 0)) / 1024 / rooms,
    )
    const [idleBefore, commandsBefore] = [harness.cpu(), await commandsOf(redis.url)]
    await delay(IDLE_MS)
    const commands = (await commandsOf(redis.url)) - commandsBefore
    const idleCpu = cpuSince(idleBefore, harness.cpu())
    const plan = { perSecond: 500, rooms }
    await harness.deliver({ ...plan, recalls: 500 })
    const delivered = await harness.deliver({ ...plan, recalls: 2_000 })
    const healed = await measureHealing(harness, rooms)
    const values = {
      's until all are subscribed': subscribedS,
      'CPU ms per room': (subscribeCpu.all / rooms) * 1e3,
      'generator CPU %': subscribeCpu.generatorPercent,
      'kB per room': kB,
      'in Redis': redisKB,
      'idle CPU %': (idleCpu.all / IDLE_MS) * 1e5,
      'idle Redis commands/s': (commands / IDLE_MS) * 1e3,
      'CPU ms per recall': (delivered.cpu.all / delivered.posted) * 1e3,
      ...latenciesOf(delivered),
      ...healed.values,
    }
    return { values, errors: sumOf(delivered.errors, healed.errors) }
  })
}

/** Kills the subscription connection, posts recalls meanwhile, and waits until the node is ready and nothing is in doubt. */
async function measureHealing(harness: Harness, rooms: number): Promise<Figures> {
  const { node, redis } = partsOf(harness)
  const spooledBefore = await readSpooled(node.url)
  resetPeakMemory(node.pid)
  const before = harness.cpu()
  await send(redis.url, 'CLIENT', 'KILL', 'TYPE', 'pubsub')
  const startedMs = performance.now()
  const posting = harness.post({ perSecond: 20, recalls: 60, rooms })
  let healed: { readonly atMs: number; readonly cpu: CpuShare } | undefined
  for (let nowMs = startedMs; nowMs < startedMs + HEAL_TIMEOUT_MS; nowMs = performance.now()) {
    if (!(await isReady(node.url))) healed = undefined
    else healed ??= { atMs: performance.now(), cpu: cpuSince(before, harness.cpu()) }
    if (healed && nowMs > healed.atMs + DOUBT_MS) break
    await delay(POLL_MS)
  }
  const { refused } = (await posting).posting
  const errors = errorsIn(await harness.settle())
  const values = {
    'healing, s': healed ? (healed.atMs - startedMs) / 1e3 : NaN,
    'CPU s': (healed?.cpu ?? cpuSince(before, harness.cpu())).all,
    'peak MB': peakMemoryOf(node.pid) / 2 ** 20,
    'of 60 through the spool': (await readSpooled(node.url)) - spooledBefore,
  }
  return { values, errors: { ...errors, refused, 'not healed': Number(!healed) } }
}

function partsOf({ peer: { nodes, redis } }: Harness) {
  const [node] = nodes
  if (node === undefined || redis === undefined) throw new Error('there is no node with Redis')
  return { node: { pid: node.pid, url: `http://127.0.0.1:${node.port}` }, redis }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const { ok } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })
    return ok && (await readMetric(url, 'delivery_in_doubt')) === 0
  } catch {
    return false
  }
}

async function send(url: string, ...command: readonly string[]): Promise<string> {
  const client = await createClient({ url }).connect()
  try {
    return await client.sendCommand<string>([...command])
  } finally {
    client.destroy()
  }
}

/** Returns how many commands Redis has run so far, those of scripts included. */
const commandsOf = async (url: string): Promise<number> =>
  Number(/^total_commands_processed:(\d+)/m.exec(await send(url, 'INFO', 'stats'))?.[1])

const sumOf = (one: ErrorCounts, other: ErrorCounts): ErrorCounts =>
  Object.fromEntries(
    Object.keys({ ...one, ...other }).map((kind) => [kind, (one[kind] ?? 0) + (other[kind] ?? 0)]),
  )
