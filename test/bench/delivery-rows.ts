import { Harness } from './harness.ts'
import type { DeliveryResult } from './harness.ts'
import type { PeerName } from './peers.ts'
import type { BenchRow, Figures } from './row.ts'
import { Histogram } from './statistics.ts'

interface DeliveryPlan {
  readonly sockets: number
  readonly rooms: number
  readonly perSecond: number
  readonly recalls: number
  readonly warmUp: number
  readonly connections?: number
}

/** Posts recalls at a steady rate, after a warm-up that is not measured. */
function measure(
  name: PeerName,
  plan: DeliveryPlan,
  valuesOf: (result: DeliveryResult) => Figures['values'],
): Promise<Figures> {
  return Harness.run(name, 1, async (harness) => {
    await harness.subscribe(plan)
    await harness.deliver({ ...plan, recalls: plan.warmUp })
    const result = await harness.deliver(plan)
    return { values: valuesOf(result), errors: result.errors }
  })
}

const latenciesOf = ({ latency, posting }: DeliveryResult): Figures['values'] => ({
  'p50 ms': latency.quantileUs(0.5) / 1_000,
  'p99 ms': latency.quantileUs(0.99) / 1_000,
  'webhook p99 ms': new Histogram(posting.latencies).quantileUs(0.99) / 1_000,
})

export const deliveryValues = (result: DeliveryResult): Figures['values'] => ({
  'CPU s per million deliveries': (result.cpu.all / result.delivered) * 1e6,
  'of which system': (result.cpu.system / result.delivered) * 1e6,
  'deliveries/s': result.delivered / result.tookS,
  ...latenciesOf(result),
  'deliveries per frame': result.delivered / result.frames,
})

const stormValues = (result: DeliveryResult): Figures['values'] => ({
  ...deliveryValues(result),
  's until all are delivered': result.tookS,
})

/** With few deliveries between long pauses, CPU time per delivery would mean nothing. */
const quietValues = (result: DeliveryResult): Figures['values'] => ({
  ...latenciesOf(result),
  'CPU ms per recall': (result.cpu.all / result.posted) * 1e3,
})

type DeliveryRow = DeliveryPlan &
  Pick<BenchRow, 'title' | 'reps'> & { readonly valuesOf?: typeof deliveryValues }

const deliveryRow = ({ title, reps, valuesOf = deliveryValues, ...plan }: DeliveryRow): BenchRow => ({
  title,
  reps,
  measure: (peer, quick) =>
    measure(peer, quick ? { ...plan, recalls: Math.ceil(plan.recalls / 2) } : plan, valuesOf),
})

export const DELIVERY_ROWS: Readonly<Record<string, BenchRow>> = {
  'big-room': deliveryRow({
    title: 'One room, 2,000 sockets, 10 recalls/s',
    reps: 3,
    sockets: 2_000,
    rooms: 1,
    perSecond: 10,
    recalls: 60,
    warmUp: 20,
  }),
  'busy-room': deliveryRow({
    title: 'One room, 2,000 sockets, 50 recalls/s',
    reps: 3,
    sockets: 2_000,
    rooms: 1,
    perSecond: 50,
    recalls: 250,
    warmUp: 50,
  }),
  storm: deliveryRow({
    title: 'Storm: 2,000 recalls in 2 s to 1,000 sockets of one room',
    reps: 1,
    sockets: 1_000,
    rooms: 1,
    perSecond: 1_000,
    recalls: 2_000,
    warmUp: 100,
    connections: 32,
    valuesOf: stormValues,
  }),
  'many-rooms': deliveryRow({
    title: '500 rooms, 2,000 sockets, 1,000 recalls/s',
    reps: 3,
    sockets: 2_000,
    rooms: 500,
    perSecond: 1_000,
    recalls: 6_000,
    warmUp: 2_000,
  }),
  'quiet-room': deliveryRow({
    title: 'Quiet room: 100 sockets, 4 recalls/s',
    reps: 3,
    sockets: 100,
    rooms: 1,
    perSecond: 4,
    recalls: 32,
    warmUp: 12,
    valuesOf: quietValues,
  }),
}
