import { setTimeout as delay } from 'node:timers/promises'
import { nowUs } from './clock.ts'
import type { PeerName } from './peers.ts'
import type { BenchRow, Figures } from './row.ts'
import { cpuSince, Scene, wrongIn } from './harness.ts'
import { Histogram } from './statistics.ts'

/** Until what connecting left behind is cleared away. */
const SETTLE_MS = 5_000
const IDLE_MS = 4_000

export function idle(peer: PeerName, sockets: number, rooms: number): Promise<Figures> {
  return Scene.play(peer, 1, async (scene) => {
    const [memoryBefore, cpuBefore] = [scene.memory(), scene.cpu()]
    const connectS = await scene.assemble({ sockets, rooms })
    const connecting = cpuSince(cpuBefore, scene.cpu())
    await delay(SETTLE_MS)
    const settled = scene.cpu()
    await delay(IDLE_MS)
    const idling = cpuSince(settled, scene.cpu())
    const values = {
      'kB per socket': (scene.memory() - memoryBefore) / sockets / 1024,
      'all connected after s': connectS,
      'CPU s per 1,000 connects': (connecting.all / sockets) * 1e3,
      'idle CPU %': (idling.all / IDLE_MS) * 1e5,
    }
    return { values, wrong: wrongIn(await scene.settle()) }
  })
}

function ingest(peer: PeerName, recalls: number): Promise<Figures> {
  return Scene.play(peer, 1, async (scene) => {
    const plan = { perSecond: 0, rooms: 500, connections: 32 }
    await scene.post({ ...plan, recalls: Math.ceil(recalls / 6) })
    const before = scene.cpu()
    const { posting } = await scene.post({ ...plan, recalls })
    const cpu = cpuSince(before, scene.cpu())
    const latency = new Histogram(posting.latencies)
    const values = {
      'webhooks/s': recalls / posting.tookS,
      'CPU s per 1,000 webhooks': (cpu.all / recalls) * 1e3,
      'of it Redis': (cpu.redis / recalls) * 1e3,
      'p50 ms': latency.quantileUs(0.5) / 1_000,
      'p99 ms': latency.quantileUs(0.99) / 1_000,
    }
    return { values, wrong: { refused: posting.refused } }
  })
}

/** One node serves rooms with recalls, the other one a room without any. */
function foreign(peer: PeerName, recalls: number): Promise<Figures> {
  return Scene.play(peer, 2, async (scene) => {
    const rooms = 100
    await scene.assemble({ sockets: 100, rooms, node: 0 })
    await scene.assemble({ sockets: 200, rooms: 1, firstRoom: rooms + 5, node: 1 })
    const plan = { perSecond: 500, rooms }
    await scene.flow({ ...plan, recalls: 1_000 })
    const { cpu, wrong } = await scene.flow({ ...plan, recalls })
    const [here = NaN, elsewhere = NaN] = cpu.nodes.map((s) => (s / recalls) * 1e6)
    const values = {
      'ms CPU of the other node per 1,000 recalls': elsewhere,
      'of the node with the rooms': here,
      'of Redis': (cpu.redis / recalls) * 1e6,
    }
    return { values, wrong }
  })
}

const RECONNECT_ROOMS = 50
const MISSED = 100

/** The plain server cannot tell what was missed: its sockets can only connect anew. */
function reconnect(peer: PeerName, sockets: number): Promise<Figures> {
  return Scene.play(peer, 1, async (scene) => {
    const rooms = RECONNECT_ROOMS
    await scene.assemble({ sockets, rooms, atOnce: 500 })
    const flow = await scene.flow({ perSecond: 200, recalls: 200, rooms })
    await scene.drop()
    await delay(SETTLE_MS)
    const beforeFresh = scene.cpu()
    const freshS = await scene.connect('fresh')
    const fresh = cpuSince(beforeFresh, scene.cpu())
    const values = { 'fresh: s': freshS, 'fresh: CPU s': fresh.all }
    if (peer === 'plain') return { values, wrong: flow.wrong }
    await delay(SETTLE_MS)
    await scene.drop()
    await scene.post({ perSecond: 1_000, recalls: rooms * MISSED, rooms })
    const [before, startUs] = [scene.cpu(), nowUs()]
    await scene.connect('resume')
    const reports = await scene.settle()
    const resumed = cpuSince(before, scene.cpu())
    const resumedS = (Math.max(...reports.map(({ lastUs }) => lastUs)) - startUs) / 1e6
    const resumeValues = {
      'current again: s': resumedS,
      'current again: CPU s': resumed.all,
      'against fresh: s': resumedS / freshS,
      'against fresh: CPU': resumed.all / fresh.all,
    }
    return { values: { ...values, ...resumeValues }, wrong: wrongIn(reports) }
  })
}

export const OTHER_ROWS: Readonly<Record<string, BenchRow>> = {
  idle: {
    title: '10,000 idle sockets in 2,500 rooms',
    reps: 1,
    play: (peer, quick) => (quick ? idle(peer, 2_500, 625) : idle(peer, 10_000, 2_500)),
  },
  ingest: {
    title: 'Webhooks alone: 32 connections, each of which posts again once it is answered',
    reps: 3,
    play: (peer, quick) => ingest(peer, quick ? 10_000 : 30_000),
  },
  foreign: {
    title: 'Two nodes: 500 recalls/s for rooms of one, what it costs the other',
    reps: 1,
    play: (peer, quick) => foreign(peer, quick ? 1_500 : 3_000),
  },
  reconnect: {
    title: `5,000 sockets in ${RECONNECT_ROOMS} rooms dropped at once, ${MISSED} notices missed each`,
    reps: 1,
    play: (peer, quick) => reconnect(peer, quick ? 1_000 : 5_000),
  },
}
