const offsetUs = Number(process.hrtime.bigint() / 1_000n) - performance.now() * 1_000

/** Returns the time of a clock that all processes of this machine share, in µs, so that times of two can be compared. */
export const nowUs = (): number => performance.now() * 1_000 + offsetUs
