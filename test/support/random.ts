/**
 * Has `Math.random` return `fraction` during the tests of a `describe`: how much of its jitter a delay has, such as that of a
 * client before it tries again. Call it inside `describe`.
 */
export function fixRandom(fraction: number): void {
  const { random } = Math
  before(() => {
    Math.random = () => fraction
  })
  after(() => {
    Math.random = random
  })
}
