type CleanUp = () => unknown

/**
 * Returns a function that registers a clean-up. After each test, the registered clean-ups run, the latest first. Call it
 * inside `describe`.
 */
export function cleanUpAfterEach(): (cleanUp: CleanUp) => void {
  const cleanUps: CleanUp[] = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
  })
  return (cleanUp) => void cleanUps.push(cleanUp)
}
