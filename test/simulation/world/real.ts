/** What Node offers, kept before it is replaced. Imported first. */
export const real = {
  setImmediate,
  setTimeout,
  clearInterval,
  Date,
  now: performance.now.bind(performance),
  /** In ms since 1970. */
  wallMs: Date.now,
}
