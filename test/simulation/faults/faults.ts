import { BACKEND_FAULTS } from './backend.ts'
import { DISK_FAULTS } from './disks.ts'
import type { Fault } from './fault.ts'
import { LINE_FAULTS } from './lines.ts'
import { PROCESS_FAULTS, USER_FAULTS } from './processes.ts'
import { REFUSAL_FAULTS } from './redis-refusals.ts'
import { REDIS_FAULTS } from './redis.ts'
import { ROLLBACK_FAULTS } from './rollbacks.ts'

/** All that can go wrong. */
export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...USER_FAULTS,
  ...REDIS_FAULTS,
  ...REFUSAL_FAULTS,
  ...ROLLBACK_FAULTS,
  ...LINE_FAULTS,
  ...DISK_FAULTS,
  ...BACKEND_FAULTS,
]
