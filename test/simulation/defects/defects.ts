import type { Defect } from './defect.ts'
import { ACCESS_DEFECTS } from './list/access.ts'
import { CLIENT_DEFECTS } from './list/client.ts'
import { DELIVERY_DEFECTS } from './list/delivery.ts'
import { EVIDENCE_DEFECTS } from './list/evidence.ts'
import { NODE_DEFECTS } from './list/nodes.ts'
import { RECEIVER_DEFECTS } from './list/receivers.ts'
import { REDIS_DEFECTS } from './list/redis.ts'

/** What the simulation must find. */
export const DEFECTS: readonly Defect[] = [
  ...CLIENT_DEFECTS,
  ...NODE_DEFECTS,
  ...DELIVERY_DEFECTS,
  ...ACCESS_DEFECTS,
  ...RECEIVER_DEFECTS,
  ...REDIS_DEFECTS,
  ...EVIDENCE_DEFECTS,
]
