import { world } from '../world/world.ts'
import type { Fault } from './fault.ts'

/** What happens to the app's backend, which is asked for memberships. */
export const BACKEND_FAULTS: readonly Fault[] = [
  {
    name: 'backend slow',
    begin({ backend }, random) {
      backend.delayMs = random.pick([300, 1_900, 2_100, 5_000])
      return () => void (backend.delayMs = 0)
    },
  },
  {
    name: 'backend fails',
    begin({ backend }, random) {
      backend.failure = random.pick([500, 503, 429, 'rubbish'])
      return () => void (backend.failure = undefined)
    },
  },
  {
    name: 'backend away',
    begin({ backend }) {
      backend.kill()
      return () => backend.start()
    },
  },
  {
    name: 'backend frozen',
    begin({ backend }) {
      const { process } = backend
      world.schedule.freeze(process)
      return () => world.schedule.thaw(process)
    },
  },
]
