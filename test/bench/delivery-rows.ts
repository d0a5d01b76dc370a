import type { PeerName } from './peers.ts'
import type { BenchRow, Figures } from './row.ts'
import { Scene } from './harness.ts'
import type { Flow } from './harness.ts'
import { Histogram } from './statistics.ts'

interface FlowSize {
  readonly sockets: number
  readonly rooms: number
  readonly perSecond: number
  readonly recalls: number
  readonly warmUp: number
  readonly connections?: number
}

/** Recalls flow to sockets at a steady rate, after some that do not count. */
function play(name: PeerName, size: FlowSize, show: (flow: Flow) => Figures['values']): Promise<Figures> {
  return Scene.play(name, 1, async (scene) => {
    await scene.assemble(size)
    await scene.flow({ ...size, recalls: size.warmUp })
    const flow = await scene.flow(size)
    return { values: show(flow), wrong: flow.wrong }
  })
}

const latenciesOf = ({ latency, posting }: Flow): Figures['values'] => ({
  'p50 ms': latency.quantileUs(0.5) / 1_000,
  'p99 ms': latency.quantileUs(0.99) / 1_000,
  'webhook p99 ms': new Histogram(posting.latencies).quantileUs(0.99) / 1_000,
})

export const showFlow = (flow: Flow): Figures['values'] => ({
  'CPU s per 1M deliveries': (flow.cpu.all / flow.delivered) * 1e6,
  'of it system': (flow.cpu.system / flow.delivered) * 1e6,
  'deliveries/s': flow.delivered / flow.tookS,
  ...latenciesOf(flow),
  'deliveries per frame': flow.delivered / flow.frames,
})

const showStorm = (flow: Flow): Figures['values'] => ({ ...showFlow(flow), 'all there after s': flow.tookS })

/** What little is done here is done between long pauses, so that its CPU time says nothing of deliveries. */
const showQuiet = (flow: Flow): Figures['values'] => ({
  ...latenciesOf(flow),
  'CPU ms per recall': (flow.cpu.all / flow.posted) * 1e3,
})

type FlowRow = FlowSize & Pick<BenchRow, 'title' | 'reps'> & { readonly show?: typeof showFlow }

const inFlow = ({ title, reps, show = showFlow, ...size }: FlowRow): BenchRow => ({
  title,
  reps,
  play: (peer, quick) => play(peer, quick ? { ...size, recalls: Math.ceil(size.recalls / 2) } : size, show),
})

export const FLOW_ROWS: Readonly<Record<string, BenchRow>> = {
  'big-room': inFlow({
    title: 'One room, 2,000 sockets, 10 recalls/s',
    reps: 3,
    sockets: 2_000,
    rooms: 1,
    perSecond: 10,
    recalls: 60,
    warmUp: 20,
  }),
  'busy-room': inFlow({
    title: 'One room, 2,000 sockets, 50 recalls/s',
    reps: 3,
    sockets: 2_000,
    rooms: 1,
    perSecond: 50,
    recalls: 250,
    warmUp: 50,
  }),
  storm: inFlow({
    title: 'Storm: 2,000 recalls in 2 s to 1,000 sockets of one room',
    reps: 1,
    sockets: 1_000,
    rooms: 1,
    perSecond: 1_000,
    recalls: 2_000,
    warmUp: 100,
    connections: 32,
    show: showStorm,
  }),
  'many-rooms': inFlow({
    title: '500 rooms, 2,000 sockets, 1,000 recalls/s',
    reps: 3,
    sockets: 2_000,
    rooms: 500,
    perSecond: 1_000,
    recalls: 6_000,
    warmUp: 2_000,
  }),
  'quiet-room': inFlow({
    title: 'Quiet room: 100 sockets, 4 recalls/s',
    reps: 3,
    sockets: 100,
    rooms: 1,
    perSecond: 4,
    recalls: 32,
    warmUp: 12,
    show: showQuiet,
  }),
}
