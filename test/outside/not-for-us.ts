/** A case of an outside judge that says nothing about this gateway, and why. */
export interface NotForUs {
  readonly name: string
  readonly reason: string
}

/** Prints the cases that are not for us with the report. Call it inside `describe`. */
export function reportNotForUs(cases: readonly NotForUs[]): void {
  after(() => {
    for (const { name, reason } of cases) process.stdout.write(`    - not for us: ${name}: ${reason}\n`)
  })
}
