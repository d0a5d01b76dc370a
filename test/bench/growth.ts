import { idle } from './other-rows.ts'
import { showFlow } from './delivery-rows.ts'
import type { Figures } from './row.ts'
import { Scene } from './harness.ts'
import type { FlowPlan } from './harness.ts'
import { toTable, toText, wrongOf } from './table.ts'
import { openFilesAtMost } from './process-usage.ts'

/** Files of a process besides its sockets. */
const FILES_BESIDES = 200

interface Step extends FlowPlan {
  readonly label: string
  readonly sockets: number
  readonly nodes?: number
}

interface Growth {
  readonly title: string
  readonly steps: readonly Step[]
}

const SOCKETS = [1_000, 5_000, 10_000, Math.min(20_000, openFilesAtMost() - FILES_BESIDES)]

const GROWTHS: Readonly<Record<string, Growth>> = {
  sockets: {
    title: 'Sockets of one room, 2 recalls/s',
    steps: SOCKETS.map((sockets) => ({
      label: `${toText(sockets)} sockets`,
      sockets,
      rooms: 1,
      perSecond: 2,
      recalls: 12,
    })),
  },
  rooms: {
    title: 'Rooms of 5,000 sockets, about 10,000 deliveries/s',
    steps: [1, 50, 500, 5_000].map((rooms) => ({
      label: `${toText(rooms)} rooms`,
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
    // A message that only makes the recall larger takes about 165 bytes.
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

/** Tells what the gateway's work costs as it grows; all of it, or what is named. */
export async function printGrowth(
  names: readonly string[] | undefined,
  print: (text: string) => void,
): Promise<void> {
  for (const name of names ?? [...Object.keys(GROWTHS), IDLE]) {
    const growth = GROWTHS[name]
    if (growth === undefined && name !== IDLE) throw new Error(`no growth ${name}`)
    const rows = growth === undefined ? await playIdle() : await playGrowth(name, growth)
    print(`### ${growth?.title ?? 'Idle sockets, four in a room'}\n\n${toGrowthTable(rows)}\n`)
  }
}

type Labelled = readonly (readonly [string, Figures])[]

async function playGrowth(name: string, { steps }: Growth): Promise<Labelled> {
  const rows: [string, Figures][] = []
  for (const step of steps) {
    process.stderr.write(`${name}, ${step.label}\n`)
    rows.push([step.label, await play(step)])
  }
  return rows
}

async function playIdle(): Promise<Labelled> {
  const rows: [string, Figures][] = []
  for (const sockets of SOCKETS) {
    process.stderr.write(`${IDLE}, ${sockets} sockets\n`)
    rows.push([`${toText(sockets)} sockets`, await idle('gateway', sockets, Math.ceil(sockets / 4))])
  }
  return rows
}

async function play(step: Step): Promise<Figures> {
  const flow = await Scene.play('gateway', step.nodes ?? 1, async (scene) => {
    await scene.assemble(step)
    await scene.flow({ ...step, recalls: Math.ceil(step.recalls / 4) })
    return scene.flow(step)
  })
  const { cpu, wrong } = flow
  const values = {
    ...showFlow(flow),
    'CPU ms per recall': (cpu.all / step.recalls) * 1e3,
    'of it Redis': (cpu.redis / step.recalls) * 1e3,
  }
  return { values, wrong }
}

const toGrowthTable = (rows: Labelled): string =>
  toTable([
    ['', ...Object.keys(rows[0]?.[1].values ?? {}), 'wrong'],
    ...rows.map(([label, figures]) => [
      label,
      ...Object.values(figures.values).map(toText),
      wrongOf([figures]),
    ]),
  ])
