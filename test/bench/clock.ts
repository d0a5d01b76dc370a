/** Whatever takes time between the two readings makes the difference too small, never too large. */
const offsetUs = Math.max(
  ...Array.from({ length: 20 }, () => Number(process.hrtime.bigint() / 1_000n) - performance.now() * 1_000),
)

/** Returns the time in µs. All processes of this machine share the clock, so their times can be compared. */
export const nowUs = (): number => performance.now() * 1_000 + offsetUs
