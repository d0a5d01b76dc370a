type CleanUp = () => unknown

/**
 * Returns a function that registers a clean-up. After each test, the registered clean-ups run, the latest first. Call it
 * inside `describe`.
 */
export function cleanUpAfterEach(): (cleanUp: CleanUp) => void {
  const cleanUps: CleanUp[] = []
  afterEach(() => runAll(cleanUps))
  return (cleanUp) => void cleanUps.push(cleanUp)
}

/** Like `cleanUpAfterEach`, but the clean-ups run after the last test. */
export function cleanUpAfterAll(): (cleanUp: CleanUp) => void {
  const cleanUps: CleanUp[] = []
  after(() => runAll(cleanUps))
  return (cleanUp) => void cleanUps.push(cleanUp)
}

async function runAll(cleanUps: CleanUp[]): Promise<void> {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
}
