import { world } from '../world/globals.ts'
import type { Fault } from './fault.ts'

/** What happens to Redis. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: 'redis frozen',
    needsRedis: true,
    begin({ redis }) {
      const process = redis?.process
      if (process === undefined) return undefined
      world.schedule.freeze(process)
      return () => world.schedule.thaw(process)
    },
  },
  {
    name: 'redis away',
    needsRedis: true,
    begin({ redis }) {
      redis?.kill('all')
      return () => redis?.start()
    },
  },
  {
    name: 'redis slow',
    needsRedis: true,
    begin({ gateways, lines }, random) {
      const extraMs = random.pick([40, 300, 700, 1_200])
      const all = gateways.flatMap(({ name }) => lines.pair(name, 'redis'))
      for (const line of all) line.extraMs = extraMs
      return () => {
        for (const line of all) line.extraMs = 0
      }
    },
  },
  {
    name: 'redis is full',
    needsRedis: true,
    begin({ redis }) {
      if (redis) redis.model.refusals.isFull = true
      return () => void (redis && (redis.model.refusals.isFull = false))
    },
  },
  {
    name: 'redis loads',
    needsRedis: true,
    begin({ redis }) {
      if (redis) redis.model.refusals.isLoading = true
      return () => void (redis && (redis.model.refusals.isLoading = false))
    },
  },
  {
    name: 'redis forgets its scripts',
    needsRedis: true,
    begin({ redis }) {
      redis?.model.forgetScripts()
      return undefined
    },
  },
]

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
      redis?.failOver(1 + random.below(random.pick([3, 30, 300])))
      return undefined
    },
  },
]
