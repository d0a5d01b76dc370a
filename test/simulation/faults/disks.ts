import { disks } from '../world/stores.ts'
import type { DiskBehaviour } from '../world/stores.ts'
import type { System } from '../system/system.ts'
import type { Random } from '../world/random.ts'
import type { Fault } from './fault.ts'

interface Disturbance {
  readonly folder: string
  readonly behaviour: DiskBehaviour
}

/** Faults overlap: the latest counts. */
const disturbances = new WeakMap<System, Set<Disturbance>>()

function disturb(system: System, random: Random, behaviour: DiskBehaviour): () => void {
  const { dataDir } = random.pick(system.receivers)
  const known = disturbances.get(system)
  const active = known ?? new Set<Disturbance>()
  if (known === undefined) {
    disturbances.set(system, active)
    const before = disks.current.behaviourOf
    disks.current.behaviourOf = (path) =>
      [...active].findLast(({ folder }) => path.startsWith(folder))?.behaviour ?? before(path)
  }
  const disturbance = { folder: `${dataDir}/`, behaviour }
  active.add(disturbance)
  return () => void active.delete(disturbance)
}

/** What happens to the disks of receivers. */
export const DISK_FAULTS: readonly Fault[] = [
  {
    name: 'disk slow',
    begin: (system, random) => {
      const ms = random.pick([50, 500, 950, 1_050, 1_650, 1_750, 1_950, 2_500])
      return disturb(system, random, { syncMs: () => ms, failure: undefined })
    },
  },
  {
    name: 'disk full',
    begin: (system, random) => disturb(system, random, { syncMs: () => 1, failure: 'ENOSPC' }),
  },
  {
    name: 'disk fails to flush',
    begin: (system, random) => {
      const ms = random.pick([1, 100, 1_700])
      return disturb(system, random, { syncMs: () => ms, failure: 'EIO' })
    },
  },
]
