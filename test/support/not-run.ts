/** Says in the report why a test cannot run here. The test then returns: what is skipped fails the run. */
export function notRun(context: Mocha.Context, reason: string): void {
  if (context.test) context.test.title += ` (not run: ${reason})`
}
