import { DISK_FAULTS } from './disks.ts'
import type { Fault } from './fault.ts'
import { LINE_FAULTS } from './lines.ts'
import { PROCESS_FAULTS } from './processes.ts'
import { REDIS_FAULTS, ROLLBACK_FAULTS } from './redis.ts'

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...REDIS_FAULTS,
  ...ROLLBACK_FAULTS,
  ...LINE_FAULTS,
  ...DISK_FAULTS,
]
