import { world } from '../world/world.ts'
import { net } from '../world/network.ts'
import { OUTSIDE } from '../world/schedule.ts'
import type { Fault } from './fault.ts'

/** How long answers are on their way before their connection is cut. */
const LOST_ANSWERS_MS = [5, 60, 700, 1_500] as const

/** What happens to Redis and on the way to it; it keeps what it has confirmed. */
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
      const extraMs = random.pick([40, 300, 700, 980, 1_020, 1_200, 2_000])
      const all = gateways.flatMap(({ name }) => lines.pair(name, 'redis'))
      for (const line of all) line.extraMs = extraMs
      return () => {
        for (const line of all) line.extraMs = 0
      }
    },
  },
  {
    // It has done what it was asked, and nobody learns it.
    name: 'answers of redis lost',
    needsRedis: true,
    begin({ gateways, lines }, random) {
      const { name } = random.pick(gateways)
      const line = lines.between('redis', name)
      line.isSwallowed = true
      world.schedule.after(random.pick(LOST_ANSWERS_MS), OUTSIDE, () => {
        for (const end of net.network.between((a, b) => a.part === name && b.part === 'redis')) end.cut()
        line.isSwallowed = false
      })
      return undefined
    },
  },
  {
    name: 'redis closes all connections',
    needsRedis: true,
    begin({ redis }) {
      redis?.model.closeConnections()
      return undefined
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
