import { createLimiter } from '../../server/lib/flow-control.ts'

type CleanUp = () => unknown
/** A test with clean-ups of its own, which run after it, the latest first. */
export type Scenario = (onCleanUp: (cleanUp: CleanUp) => void) => Promise<void>

const MAX_CONCURRENT = 3
const TIMEOUT_MS = 240_000

async function run(scenario: Scenario): Promise<void> {
  const cleanUps: CleanUp[] = []
  try {
    await scenario((cleanUp) => void cleanUps.push(cleanUp))
  } finally {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  }
}

/**
 * Runs tests that mostly wait side by side, and reports each as a test. Call it inside `describe`. All of them run, also if only
 * one is selected.
 */
export function runSideBySide(scenarios: Readonly<Record<string, Scenario>>): void {
  const outcomes = new Map<string, Promise<Error | undefined>>()
  before(() => {
    const limit = createLimiter(MAX_CONCURRENT)
    for (const [name, scenario] of Object.entries(scenarios)) {
      const outcome = limit(() => run(scenario)).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      )
      outcomes.set(name, outcome)
    }
  })
  for (const name of Object.keys(scenarios)) {
    it(name, async () => {
      const error = await outcomes.get(name)
      if (error !== undefined) throw error
    }).timeout(TIMEOUT_MS)
  }
  // Nothing that they started may be left.
  after(() => Promise.all(outcomes.values())).timeout(TIMEOUT_MS)
}
