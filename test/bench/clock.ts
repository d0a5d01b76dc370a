const offsetUs = Number(process.hrtime.bigint() / 1_000n) - performance.now() * 1_000

/** The clock that all processes of this machine share, in µs: so one can say when, and another how long after that. */
export const nowUs = (): number => performance.now() * 1_000 + offsetUs
