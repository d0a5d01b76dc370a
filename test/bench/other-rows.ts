import { setTimeout as delay } from 'node:timers/promises'
import { nowUs } from './clock.ts'
import { cpuSince, errorsIn, Harness } from './harness.ts'
import type { PeerName } from './peers.ts'
import type { BenchRow, Figures } from './row.ts'
import { Histogram } from './statistics.ts'

/** Until the processes have cleaned up after the connects. */
const SETTLE_MS = 5_000
/** The plain server pings each socket every 25 s, and the gateway three times as often: a shorter time would miss what idle costs. */
const IDLE_MS = 25_000

export function measureIdle(peer: PeerName, sockets: number, rooms: number): Promise<Figures> {
  return Harness.run(peer, 1, async (harness) => {
    const [memoryBefore, cpuBefore] = [harness.memory(), harness.cpu()]
    const connectS = await harness.subscribe({ sockets, rooms })
    const connectCpu = cpuSince(cpuBefore, harness.cpu())
    await delay(SETTLE_MS)
    const settledCpu = harness.cpu()
    await delay(IDLE_MS)
    const idleCpu = cpuSince(settledCpu, harness.cpu())
    const values = {
      'kB per socket': (harness.memory() - memoryBefore) / sockets / 1024,
      's until all have subscribed': connectS,
      'CPU s per 1,000 connects': (connectCpu.all / sockets) * 1e3,
      'idle CPU %': (idleCpu.all / IDLE_MS) * 1e5,
    }
    return { values, errors: errorsIn(await harness.settle()) }
  })
}

function measureIngest(peer: PeerName, recalls: number): Promise<Figures> {
  return Harness.run(peer, 1, async (harness) => {
    const plan = { perSecond: 0, rooms: 500, connections: 32 }
    await harness.post({ ...plan, recalls: Math.ceil(recalls / 6) })
    const before = harness.cpu()
    const { posting } = await harness.post({ ...plan, recalls })
    const cpu = cpuSince(before, harness.cpu())
    const latency = new Histogram(posting.latencies)
    const values = {
      'webhooks/s': recalls / posting.tookS,
      'CPU s per 1,000 webhooks': (cpu.all / recalls) * 1e3,
      'of which Redis': (cpu.redis / recalls) * 1e3,
      'p50 ms': latency.quantileUs(0.5) / 1_000,
      'p99 ms': latency.quantileUs(0.99) / 1_000,
    }
    return { values, errors: { refused: posting.refused } }
  })
}

/** One node has sockets in the rooms that receive recalls, the other one in a room that receives none. */
function measureForeign(peer: PeerName, recalls: number): Promise<Figures> {
  return Harness.run(peer, 2, async (harness) => {
    const rooms = 100
    await harness.subscribe({ sockets: 100, rooms, node: 0 })
    await harness.subscribe({ sockets: 200, rooms: 1, firstRoom: rooms + 5, node: 1 })
    const plan = { perSecond: 500, rooms }
    await harness.deliver({ ...plan, recalls: 1_000 })
    const { cpu, errors } = await harness.deliver({ ...plan, recalls })
    const [own = NaN, other = NaN] = cpu.nodes.map((s) => (s / recalls) * 1e6)
    const values = {
      'CPU ms of the other node per 1,000 recalls': other,
      'of the node with the rooms': own,
      'of Redis': (cpu.redis / recalls) * 1e6,
    }
    return { values, errors }
  })
}

const RECONNECT_ROOMS = 50
const MISSED_NOTICES = 100

/** The plain server cannot replay missed notices, so its sockets only connect fresh. */
function measureReconnect(peer: PeerName, sockets: number): Promise<Figures> {
  return Harness.run(peer, 1, async (harness) => {
    const rooms = RECONNECT_ROOMS
    await harness.subscribe({ sockets, rooms, maxConcurrent: 500 })
    const result = await harness.deliver({ perSecond: 200, recalls: 200, rooms })
    await harness.drop()
    await delay(SETTLE_MS)
    const beforeFresh = harness.cpu()
    const freshS = await harness.reconnect('fresh')
    const freshCpu = cpuSince(beforeFresh, harness.cpu())
    const values = { 'fresh: s until all have subscribed': freshS, 'fresh: CPU s': freshCpu.all }
    if (peer === 'plain') return { values, errors: result.errors }
    await delay(SETTLE_MS)
    await harness.drop()
    await harness.post({ perSecond: 1_000, recalls: rooms * MISSED_NOTICES, rooms })
    const [before, startUs] = [harness.cpu(), nowUs()]
    await harness.reconnect('resume')
    const reports = await harness.settle()
    const resumeCpu = cpuSince(before, harness.cpu())
    const resumeS = (Math.max(...reports.map(({ lastUs }) => lastUs)) - startUs) / 1e6
    const resumeValues = {
      'resume: s until all are current': resumeS,
      'resume: CPU s': resumeCpu.all,
      'resume/fresh: s': resumeS / freshS,
      'resume/fresh: CPU s': resumeCpu.all / freshCpu.all,
    }
    return { values: { ...values, ...resumeValues }, errors: errorsIn(reports) }
  })
}

export const OTHER_ROWS: Readonly<Record<string, BenchRow>> = {
  idle: {
    title: '10,000 idle sockets in 2,500 rooms',
    reps: 1,
    measure: (peer, quick) => (quick ? measureIdle(peer, 2_500, 625) : measureIdle(peer, 10_000, 2_500)),
  },
  ingest: {
    title: 'Webhooks alone: 32 connections, each of which posts again once it has a response',
    reps: 3,
    measure: (peer, quick) => measureIngest(peer, quick ? 10_000 : 30_000),
  },
  foreign: {
    title: 'Two nodes, 500 recalls/s to rooms of one of them: the cost for the other one',
    reps: 1,
    measure: (peer, quick) => measureForeign(peer, quick ? 1_500 : 3_000),
  },
  reconnect: {
    title: `5,000 sockets in ${RECONNECT_ROOMS} rooms dropped simultaneously, ${MISSED_NOTICES} notices missed each`,
    reps: 1,
    measure: (peer, quick) => measureReconnect(peer, quick ? 1_000 : 5_000),
  },
}
