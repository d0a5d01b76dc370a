import { deliveryValues } from './delivery-rows.ts'
import { Harness } from './harness.ts'
import type { DeliveryResult, LoadPlan } from './harness.ts'
import { measureManyRooms } from './many-rooms.ts'
import { measureIdle } from './other-rows.ts'
import { MAX_SOCKETS } from './process-usage.ts'
import type { Figures } from './row.ts'
import { describeErrors, formatNumber, toTable } from './table.ts'

interface Growth {
  readonly title: string
  readonly steps: readonly { readonly label: string; readonly measure: () => Promise<Figures> }[]
}

interface DeliveryStep extends LoadPlan {
  readonly label: string
  readonly sockets: number
  readonly nodes?: number
}

const SOCKETS = [1_000, 5_000, 10_000, MAX_SOCKETS]
/** The last one is just below the limit of a node. */
const ROOMS = [1_000, 10_000, 30_000, 99_000]

const GROWTHS: Readonly<Record<string, Growth>> = {
  sockets: {
    title: 'Sockets of one room, 2 recalls/s',
    steps: SOCKETS.map((sockets) =>
      deliveryStep({
        label: `${formatNumber(sockets)} sockets`,
        sockets,
        rooms: 1,
        perSecond: 2,
        recalls: 12,
      }),
    ),
  },
  rooms: {
    title: 'Rooms of 5,000 sockets, about 10,000 deliveries/s',
    steps: [1, 50, 500, 5_000].map((rooms) =>
      deliveryStep({
        label: `${formatNumber(rooms)} rooms`,
        sockets: 5_000,
        rooms,
        perSecond: Math.min(2 * rooms, 1_000),
        recalls: Math.min(10 * rooms, 5_000),
      }),
    ),
  },
  nodes: {
    title: 'Nodes for 2,000 sockets of one room, 10 recalls/s',
    steps: [1, 2, 4].map((nodes) =>
      deliveryStep({
        label: `${nodes} nodes`,
        nodes,
        sockets: 2_000,
        rooms: 1,
        perSecond: 10,
        recalls: 50,
      }),
    ),
  },
  sizes: {
    title: 'Size of a notice, 1,000 sockets of one room, 10 recalls/s',
    // A filler message takes about 165 bytes.
    steps: [
      { label: '100 B', fillers: 0 },
      { label: '1 kB', fillers: 6 },
      { label: '10 kB', fillers: 60 },
    ].map((size) => deliveryStep({ ...size, sockets: 1_000, rooms: 1, perSecond: 10, recalls: 50 })),
  },
  idle: {
    title: 'Idle sockets, four in a room',
    steps: SOCKETS.map((sockets) => ({
      label: `${formatNumber(sockets)} sockets`,
      measure: () => measureIdle('gateway', sockets),
    })),
  },
  'many-rooms': {
    title: 'Rooms of one node, 1,000 on each socket; then its subscriptions are killed',
    steps: ROOMS.map((rooms) => ({
      label: `${formatNumber(rooms)} rooms`,
      measure: () => measureManyRooms(rooms),
    })),
  },
}

/** Prints how the cost of the gateway's work grows, for every series or for the named ones. */
export async function printGrowth(
  names: readonly string[] | undefined,
  print: (text: string) => void,
): Promise<void> {
  for (const name of names ?? Object.keys(GROWTHS)) {
    const growth = GROWTHS[name]
    if (growth === undefined) throw new Error(`unknown growth ${name}`)
    const rows: [string, Figures][] = []
    for (const { label, measure } of growth.steps) {
      process.stderr.write(`${name}, ${label}\n`)
      rows.push([label, await measure()])
    }
    print(`### ${growth.title}\n\n${toGrowthTable(rows)}\n`)
  }
}

function deliveryStep({ label, nodes = 1, ...plan }: DeliveryStep): Growth['steps'][number] {
  const workload = async (harness: Harness): Promise<DeliveryResult> => {
    await harness.subscribe(plan)
    await harness.deliver({ ...plan, recalls: Math.ceil(plan.recalls / 4) })
    return harness.deliver(plan)
  }
  const measure = async (): Promise<Figures> => {
    const result = await Harness.run('gateway', workload, { nodes })
    const values = {
      ...deliveryValues(result),
      'CPU ms per recall': (result.cpu.all / plan.recalls) * 1e3,
      'of which Redis': (result.cpu.redis / plan.recalls) * 1e3,
    }
    return { values, errors: result.errors }
  }
  return { label, measure }
}

const toGrowthTable = (rows: readonly (readonly [string, Figures])[]): string =>
  toTable([
    ['', ...Object.keys(rows[0]?.[1].values ?? {}), 'errors'],
    ...rows.map(([label, figures]) => [
      label,
      ...Object.values(figures.values).map(formatNumber),
      describeErrors([figures]),
    ]),
  ])
