import { deliveryValues } from './delivery-rows.ts'
import { Harness } from './harness.ts'
import type { LoadPlan } from './harness.ts'
import { measureIdle } from './other-rows.ts'
import { maxOpenFiles } from './process-usage.ts'
import type { Figures } from './row.ts'
import { describeErrors, formatNumber, toTable } from './table.ts'

/** Files that a process opens in addition to its sockets. */
const OTHER_FILES = 200

interface Step extends LoadPlan {
  readonly label: string
  readonly sockets: number
  readonly nodes?: number
}

interface Growth {
  readonly title: string
  readonly steps: readonly Step[]
}

const SOCKETS = [1_000, 5_000, 10_000, Math.min(20_000, maxOpenFiles() - OTHER_FILES)]

const GROWTHS: Readonly<Record<string, Growth>> = {
  sockets: {
    title: 'Sockets of one room, 2 recalls/s',
    steps: SOCKETS.map((sockets) => ({
      label: `${formatNumber(sockets)} sockets`,
      sockets,
      rooms: 1,
      perSecond: 2,
      recalls: 12,
    })),
  },
  rooms: {
    title: 'Rooms of 5,000 sockets, about 10,000 deliveries/s',
    steps: [1, 50, 500, 5_000].map((rooms) => ({
      label: `${formatNumber(rooms)} rooms`,
      sockets: 5_000,
      rooms,
      perSecond: Math.min(2 * rooms, 1_000),
      recalls: Math.min(10 * rooms, 5_000),
    })),
  },
  nodes: {
    title: 'Nodes for 2,000 sockets of one room, 10 recalls/s',
    steps: [1, 2, 4].map((nodes) => ({
      label: `${nodes} nodes`,
      nodes,
      sockets: 2_000,
      rooms: 1,
      perSecond: 10,
      recalls: 50,
    })),
  },
  sizes: {
    title: 'Size of a notice, 1,000 sockets of one room, 10 recalls/s',
    // A filler message takes about 165 bytes.
    steps: [
      { label: '100 B', fillers: 0 },
      { label: '1 kB', fillers: 6 },
      { label: '10 kB', fillers: 60 },
    ].map((size) => ({
      ...size,
      sockets: 1_000,
      rooms: 1,
      perSecond: 10,
      recalls: 50,
    })),
  },
}

const IDLE = 'idle'

/** Prints how the cost of the gateway's work grows, for every series or for the named ones. */
export async function printGrowth(
  names: readonly string[] | undefined,
  print: (text: string) => void,
): Promise<void> {
  for (const name of names ?? [...Object.keys(GROWTHS), IDLE]) {
    const growth = GROWTHS[name]
    if (growth === undefined && name !== IDLE) throw new Error(`unknown growth ${name}`)
    const rows = growth === undefined ? await measureIdleSteps() : await measureGrowth(name, growth)
    print(`### ${growth?.title ?? 'Idle sockets, four in a room'}\n\n${toGrowthTable(rows)}\n`)
  }
}

type LabelledFigures = readonly (readonly [string, Figures])[]

async function measureGrowth(name: string, { steps }: Growth): Promise<LabelledFigures> {
  const rows: [string, Figures][] = []
  for (const step of steps) {
    process.stderr.write(`${name}, ${step.label}\n`)
    rows.push([step.label, await measure(step)])
  }
  return rows
}

async function measureIdleSteps(): Promise<LabelledFigures> {
  const rows: [string, Figures][] = []
  for (const sockets of SOCKETS) {
    process.stderr.write(`${IDLE}, ${sockets} sockets\n`)
    rows.push([
      `${formatNumber(sockets)} sockets`,
      await measureIdle('gateway', sockets, Math.ceil(sockets / 4)),
    ])
  }
  return rows
}

async function measure(step: Step): Promise<Figures> {
  const result = await Harness.run('gateway', step.nodes ?? 1, async (harness) => {
    await harness.subscribe(step)
    await harness.deliver({ ...step, recalls: Math.ceil(step.recalls / 4) })
    return harness.deliver(step)
  })
  const { cpu, errors } = result
  const values = {
    ...deliveryValues(result),
    'CPU ms per recall': (cpu.all / step.recalls) * 1e3,
    'of which Redis': (cpu.redis / step.recalls) * 1e3,
  }
  return { values, errors }
}

const toGrowthTable = (rows: LabelledFigures): string =>
  toTable([
    ['', ...Object.keys(rows[0]?.[1].values ?? {}), 'errors'],
    ...rows.map(([label, figures]) => [
      label,
      ...Object.values(figures.values).map(formatNumber),
      describeErrors([figures]),
    ]),
  ])
