import { net } from '../world/network.ts'
import type { Fault } from './fault.ts'

/** Few writes: part of what one recall did. Many: seconds. */
const DEPTHS = [2, 4, 30, 300] as const

/** What makes Redis lose what it had confirmed. */
export const ROLLBACK_FAULTS: readonly Fault[] = [
  {
    name: 'redis emptied',
    needsRedis: true,
    begin({ redis }) {
      redis?.model.flush()
      return undefined
    },
  },
  {
    name: 'redis restarted empty',
    needsRedis: true,
    begin({ redis }) {
      redis?.kill('nothing')
      return () => redis?.start()
    },
  },
  {
    name: 'redis failed over without its latest writes',
    needsRedis: true,
    begin({ redis }, random) {
      redis?.failOver(1 + random.below(random.pick(DEPTHS)))
      return undefined
    },
  },
  {
    name: 'redis rolled back while connections stay',
    needsRedis: true,
    begin({ redis }, random) {
      redis?.model.rollBack(1 + random.below(random.pick(DEPTHS)))
      return undefined
    },
  },
  {
    name: 'redis rolled back while it was away',
    needsRedis: true,
    begin({ redis }, random) {
      redis?.kill('all')
      redis?.model.rollBack(1 + random.below(random.pick(DEPTHS)))
      return () => redis?.start()
    },
  },
  {
    // Nobody remembers what there was.
    name: 'everything without power',
    begin({ gateways, redis }, random) {
      redis?.kill('all')
      redis?.model.rollBack(1 + random.below(random.pick(DEPTHS)))
      for (const gateway of gateways) gateway.cutPower((process) => net.network.cutPower(process))
      return () => {
        redis?.start()
        for (const gateway of gateways) gateway.start()
      }
    },
  },
]
