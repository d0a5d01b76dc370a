import { Random } from './random.ts'
import { Schedule } from './schedule.ts'

/** When every run begins, in ms since 1970. */
export const START_MS = Date.UTC(2026, 0, 1)

/** What drives the modules that are loaded after `replaceGlobals`; a run puts its own in. */
export const world: { schedule: Schedule; random: Random } = {
  schedule: new Schedule(),
  random: new Random(0),
}
