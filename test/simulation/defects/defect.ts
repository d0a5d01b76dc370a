import type { ScenarioName } from './scenarios.ts'

/** One mistake that somebody could make in a module of the project. */
interface Patch {
  /** From the root of the project: TypeScript, or Lua. */
  readonly file: string
  /** Occurs exactly once in it. */
  readonly find: string
  readonly replace: string
}

/** A mistake that breaks a promise, to show that the simulation finds it. */
export interface Defect {
  readonly name: string
  /** Several where the code has a second line of defence. */
  readonly patches: readonly Patch[]
  /** The rules of which it breaks one. A run that shows it violates one of them, and none without it. */
  readonly rules: readonly string[]
  /** The shortest plan that is known to show it. */
  readonly shownBy: ScenarioName
  /** Within so many drawn plans it is found, with a margin. Without it, only that plan is known to show it. */
  readonly seeds?: number
}
