import type { System } from '../system/system.ts'
import type { Random } from '../world/random.ts'

/** Something that goes wrong for a while. Returns what ends it; at the end of a run, everything is restored anyway. */
export interface Fault {
  readonly name: string
  /** Without Redis there is nothing to disturb. */
  readonly needsRedis?: true
  /** The only user who is hit, drawn as `begin` draws. Undefined: perhaps everybody. */
  readonly userOf?: (system: System, random: Random) => string | undefined
  readonly begin: (system: System, random: Random, durationMs: number) => (() => void) | undefined
}
