/** What Node offers, kept before it is replaced. Imported first. */
export const real = { setImmediate, setTimeout, clearInterval, Date, now: performance.now.bind(performance) }
