const cpuUsage = process.cpuUsage.bind(process)

/** What Node offers, kept before it is replaced. Imported first. */
export const real = {
  setImmediate,
  setTimeout,
  clearInterval,
  Date,
  now: performance.now.bind(performance),
  /** In ms since 1970. */
  wallMs: Date.now,
  /** What the process has taken of all cores, in ms. */
  cpuMs(): number {
    const { user, system } = cpuUsage()
    return (user + system) / 1_000
  },
}
