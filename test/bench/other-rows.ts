import { setTimeout as delay } from 'node:timers/promises'
import { nowUs } from './clock.ts'
import { cpuSince, errorsIn, Harness } from './harness.ts'
import { latenciesOf } from './delivery-rows.ts'
import type { PeerName, PeerOptions } from './peers.ts'
import { MAX_SOCKETS } from './process-usage.ts'
import type { BenchRow, Figures } from './row.ts'
import { Histogram } from './statistics.ts'
import { formatNumber } from './table.ts'

/** Until the processes have cleaned up after the connects. */
const SETTLE_MS = 5_000
/** The plain server pings each socket every 25 s, and the gateway three times as often: a shorter time would miss what idle costs. */
const IDLE_MS = 25_000

const roomsOf = (sockets: number): number => Math.ceil(sockets / 4)

export function measureIdle(peer: PeerName, sockets: number): Promise<Figures> {
  const rooms = roomsOf(sockets)
  return Harness.run(peer, async (harness) => {
    const [memoryBefore, cpuBefore] = [harness.memory(), harness.cpu()]
    const connectS = await harness.subscribe({ sockets, rooms })
    const connectCpu = cpuSince(cpuBefore, harness.cpu())
    await delay(SETTLE_MS)
    const settledCpu = harness.cpu()
    await delay(IDLE_MS)
    const idleCpu = cpuSince(settledCpu, harness.cpu())
    const values = {
      'CPU s per 1,000 connects': (connectCpu.all / sockets) * 1e3,
      's until all have subscribed': connectS,
      'kB per socket': (harness.memory() - memoryBefore) / sockets / 1024,
      'idle CPU %': (idleCpu.all / IDLE_MS) * 1e5,
      'generator CPU % while connecting': connectCpu.generatorPercent,
    }
    return { values, errors: errorsIn(await harness.settle()) }
  })
}

function measureIngest(peer: PeerName, recalls: number, options?: PeerOptions): Promise<Figures> {
  const plan = { perSecond: 0, rooms: 500, connections: 32 }
  const workload = async (harness: Harness): Promise<Figures> => {
    await harness.post({ ...plan, recalls: Math.ceil(recalls / 6) })
    const before = harness.cpu()
    const { posting } = await harness.post({ ...plan, recalls })
    const cpu = cpuSince(before, harness.cpu())
    const latency = new Histogram(posting.latencies)
    const values = {
      'CPU s per 1,000 webhooks': (cpu.all / recalls) * 1e3,
      'of which Redis': (cpu.redis / recalls) * 1e3,
      'webhooks/s': recalls / posting.tookS,
      'p50 ms': latency.quantileUs(0.5) / 1_000,
      'p99 ms': latency.quantileUs(0.99) / 1_000,
      'generator CPU %': cpu.generatorPercent,
    }
    return { values, errors: { refused: posting.refused } }
  }
  return Harness.run(peer, workload, options)
}

const FOREIGN_CPU = 'CPU ms of the other node per 1,000 recalls'

/** One node has sockets in the rooms that receive recalls, the other one in a room that receives none. */
function measureForeign(peer: PeerName, recalls: number): Promise<Figures> {
  const rooms = 100
  const workload = async (harness: Harness): Promise<Figures> => {
    await harness.subscribe({ sockets: 100, rooms, node: 0 })
    await harness.subscribe({ sockets: 200, rooms: 1, firstRoom: rooms + 5, node: 1 })
    const plan = { perSecond: 500, rooms }
    await harness.deliver({ ...plan, recalls: 1_000 })
    const result = await harness.deliver({ ...plan, recalls })
    const { cpu, errors } = result
    const [own = NaN, other = NaN] = cpu.nodes.map((s) => (s / recalls) * 1e6)
    const values = {
      [FOREIGN_CPU]: other,
      'of the node with the rooms': own,
      'of Redis': (cpu.redis / recalls) * 1e6,
      ...latenciesOf(result),
    }
    return { values, errors }
  }
  return Harness.run(peer, workload, { nodes: 2 })
}

const RECONNECT_ROOMS = 50
const MISSED_NOTICES = 100
const CURRENT_CPU = 'CPU s'
const CURRENT = 's until all are current'

/** The plain server cannot replay missed notices, so its sockets only connect fresh. */
function measureReconnect(peer: PeerName, sockets: number): Promise<Figures> {
  return Harness.run(peer, async (harness) => {
    const rooms = RECONNECT_ROOMS
    await harness.subscribe({ sockets, rooms, maxConcurrent: 500 })
    const result = await harness.deliver({ perSecond: 200, recalls: 200, rooms })
    await harness.drop()
    await delay(SETTLE_MS)
    const beforeFresh = harness.cpu()
    const freshS = await harness.reconnect('fresh')
    const freshCpu = cpuSince(beforeFresh, harness.cpu())
    const fresh = { [CURRENT_CPU]: freshCpu.all, [CURRENT]: freshS }
    if (peer === 'plain') return { values: fresh, errors: result.errors }
    await delay(SETTLE_MS)
    await harness.drop()
    await harness.post({ perSecond: 1_000, recalls: rooms * MISSED_NOTICES, rooms })
    const [before, startUs] = [harness.cpu(), nowUs()]
    await harness.reconnect('resume')
    const reports = await harness.settle()
    const resumeCpu = cpuSince(before, harness.cpu())
    const resumeS = (Math.max(...reports.map(({ lastUs }) => lastUs)) - startUs) / 1e6
    const values = {
      [CURRENT_CPU]: resumeCpu.all,
      [CURRENT]: resumeS,
      'compared with fresh: CPU': resumeCpu.all / freshCpu.all,
      'compared with fresh: s': resumeS / freshS,
      'generator CPU %': resumeCpu.generatorPercent,
    }
    return { values, errors: errorsIn(reports) }
  })
}

const INGEST_SUMMARY = ['CPU s per 1,000 webhooks', 'webhooks/s', 'p50 ms', 'p99 ms']
const IDLE_SUMMARY = [
  'CPU s per 1,000 connects',
  's until all have subscribed',
  'kB per socket',
  'idle CPU %',
]

function idleRow(sockets: number): BenchRow {
  return {
    title: `${formatNumber(sockets)} idle sockets in ${formatNumber(roomsOf(sockets))} rooms`,
    reps: 1,
    summary: IDLE_SUMMARY,
    measure: (peer, quick) => measureIdle(peer, quick ? Math.ceil(sockets / 4) : sockets),
  }
}

export const OTHER_ROWS: Readonly<Record<string, BenchRow>> = {
  idle: idleRow(5_000),
  'idle-many': idleRow(MAX_SOCKETS),
  ingest: {
    title: 'Webhooks alone: 32 connections, each of which posts again once it has a response',
    reps: 3,
    summary: INGEST_SUMMARY,
    measure: (peer, quick) => measureIngest(peer, quick ? 10_000 : 30_000),
  },
  'ingest-embedded': {
    title: 'The same without Redis: flushed to disk before the response',
    reps: 3,
    summary: INGEST_SUMMARY,
    peers: ['gateway'],
    measure: (peer, quick) => measureIngest(peer, quick ? 10_000 : 30_000, { isEmbedded: true }),
  },
  foreign: {
    title: 'Two nodes, 500 recalls/s to rooms of one of them: the cost for the other one',
    reps: 1,
    summary: [FOREIGN_CPU, 'p50 ms', 'p99 ms'],
    measure: (peer, quick) => measureForeign(peer, quick ? 1_500 : 3_000),
  },
  reconnect: {
    title: `5,000 sockets in ${RECONNECT_ROOMS} rooms dropped simultaneously, ${MISSED_NOTICES} notices missed each`,
    reps: 1,
    summary: [CURRENT_CPU, CURRENT],
    measure: (peer, quick) => measureReconnect(peer, quick ? 1_000 : 5_000),
  },
}
