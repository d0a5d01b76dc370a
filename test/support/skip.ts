/** Skips the test, and says why in the report. */
export function skipBecause(context: Mocha.Context, reason: string): never {
  if (context.test) context.test.title += ` (skipped: ${reason})`
  return context.skip()
}
