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

const CPU = 'CPU s per million deliveries'
const CPU_OF_RECALL = 'CPU ms per recall'
const P50 = 'p50 ms'
const P99 = 'p99 ms'

/** Posts recalls at a steady rate, after a warm-up that is not measured. */
function measure(
  name: PeerName,
  plan: DeliveryPlan,
  valuesOf: (result: DeliveryResult) => Figures['values'],
): Promise<Figures> {
  return Harness.run(name, async (harness) => {
    await harness.subscribe(plan)
    await harness.deliver({ ...plan, recalls: plan.warmUp })
    const result = await harness.deliver(plan)
    return { values: valuesOf(result), errors: result.errors }
  })
}

/** From the time a webhook was due until a socket has its notice, and until the webhook has its response. */
export const latenciesOf = ({ latency, posting }: DeliveryResult): Figures['values'] => ({
  [P50]: latency.quantileUs(0.5) / 1_000,
  [P99]: latency.quantileUs(0.99) / 1_000,
  'webhook p99 ms': new Histogram(posting.latencies).quantileUs(0.99) / 1_000,
})

export const deliveryValues = (result: DeliveryResult): Figures['values'] => ({
  [CPU]: (result.cpu.all / result.delivered) * 1e6,
  'of which system': (result.cpu.system / result.delivered) * 1e6,
  ...latenciesOf(result),
  'deliveries/s': result.delivered / result.tookS,
  'deliveries per frame': result.delivered / result.frames,
  'generator CPU %': result.cpu.generatorPercent,
})

const stormValues = (result: DeliveryResult): Figures['values'] => ({
  ...deliveryValues(result),
  'CPU s': result.cpu.all,
  's until all are delivered': result.tookS,
})

/** With few deliveries between long pauses, CPU time per delivery would mean nothing. */
const quietValues = (result: DeliveryResult): Figures['values'] => ({
  [CPU_OF_RECALL]: (result.cpu.all / result.posted) * 1e3,
  ...latenciesOf(result),
  'generator CPU %': result.cpu.generatorPercent,
})

type DeliveryRow = DeliveryPlan &
  Pick<BenchRow, 'title' | 'reps'> &
  Partial<Pick<BenchRow, 'summary'>> & { readonly valuesOf?: typeof deliveryValues }

const deliveryRow = ({
  title,
  reps,
  summary = [CPU, P50, P99],
  valuesOf = deliveryValues,
  ...plan
}: DeliveryRow): BenchRow => ({
  title,
  reps,
  summary,
  measure: (peer, quick) =>
    measure(peer, quick ? { ...plan, recalls: Math.ceil(plan.recalls / 2) } : plan, valuesOf),
})

const BIG_ROOM = { sockets: 2_000, rooms: 1 }
const SATURATED = { startPerSecond: 15, maxPerSecond: 2_000, seconds: 3, factor: 1.3, maxP99Ms: 250 }
const MOST = `deliveries/s with p99 < ${SATURATED.maxP99Ms} ms`

/** Raises the rate until notices are late or lost, and returns the figures of the last rate at which they were not. */
function measureSaturation(name: PeerName, quick: boolean): Promise<Figures> {
  const { startPerSecond, maxPerSecond, seconds, factor, maxP99Ms } = SATURATED
  return Harness.run(name, async (harness) => {
    await harness.subscribe(BIG_ROOM)
    const errors = (await harness.deliver({ ...BIG_ROOM, perSecond: 10, recalls: 30 })).errors
    let best: Figures = { values: {}, errors }
    for (
      let perSecond = startPerSecond;
      perSecond <= maxPerSecond;
      perSecond *= quick ? factor ** 2 : factor
    ) {
      const recalls = Math.ceil(perSecond * seconds)
      const result = await harness.deliver({ ...BIG_ROOM, perSecond, recalls })
      const values = { [MOST]: perSecond * BIG_ROOM.sockets, ...deliveryValues(result) }
      const isLate = result.latency.quantileUs(0.99) > maxP99Ms * 1_000
      if (isLate || Object.values(result.errors).some((count) => count > 0)) break
      best = { values, errors: result.errors }
    }
    return best
  })
}

const quietRoom = (sockets: number): BenchRow =>
  deliveryRow({
    title: `Quiet room: ${sockets === 1 ? '1 socket' : `${sockets} sockets`}, 4 recalls/s`,
    reps: 3,
    summary: [CPU_OF_RECALL, P50, P99],
    sockets,
    rooms: 1,
    perSecond: 4,
    recalls: 32,
    warmUp: 12,
    valuesOf: quietValues,
  })

export const DELIVERY_ROWS: Readonly<Record<string, BenchRow>> = {
  'big-room': deliveryRow({
    title: 'One room, 2,000 sockets, 10 recalls/s',
    reps: 3,
    ...BIG_ROOM,
    perSecond: 10,
    recalls: 60,
    warmUp: 20,
  }),
  'busy-room': deliveryRow({
    title: 'One room, 2,000 sockets, 50 recalls/s',
    reps: 3,
    ...BIG_ROOM,
    perSecond: 50,
    recalls: 250,
    warmUp: 50,
  }),
  saturation: {
    title: `One room, 2,000 sockets, as many recalls/s as it takes: ${MOST}`,
    reps: 1,
    summary: [MOST, CPU, P50, P99],
    measure: measureSaturation,
  },
  storm: deliveryRow({
    title: 'Storm: 2,000 recalls in 2 s to 1,000 sockets of one room',
    reps: 1,
    summary: ['CPU s', 's until all are delivered', P50, P99, 'webhook p99 ms'],
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
  ...Object.fromEntries([1, 20, 100].map((sockets) => [`quiet-${sockets}`, quietRoom(sockets)])),
}
