import { disks } from '../world/lmdb.ts'
import type { DiskBehaviour } from '../world/lmdb.ts'
import type { System } from '../system/system.ts'
import type { Random } from '../world/random.ts'
import type { Fault } from './fault.ts'

function disturb(system: System, random: Random, behaviour: DiskBehaviour): () => void {
  const { dataDir } = random.pick(system.receivers)
  const before = disks.current.behaviourOf
  disks.current.behaviourOf = (path) => (path.startsWith(`${dataDir}/`) ? behaviour : before(path))
  return () => void (disks.current.behaviourOf = before)
}

/** What happens to the disks of receivers. */
export const DISK_FAULTS: readonly Fault[] = [
  {
    name: 'disk slow',
    begin: (system, random) => {
      const ms = random.pick([50, 500, 2_500])
      return disturb(system, random, { syncMs: () => ms, failure: undefined })
    },
  },
  {
    name: 'disk full',
    begin: (system, random) => disturb(system, random, { syncMs: () => 1, failure: 'ENOSPC' }),
  },
]
