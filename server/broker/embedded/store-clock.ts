/** The times that the store goes by, in ms since 1970: the clock of the machine may be wrong for a while, and be set right later. */
export interface StoreClock {
  /** The time to write beside what is stored: a clock that is behind must not make it look old. */
  stampMs(): number
  /** The time by which to delete: nothing is older than the newest write, and how long the process has run, allow. */
  expiryMs(): number
  /** The latest answer of `stampMs`. */
  latestStampMs(): number
}

/** Takes the time of the newest write before the store was opened; undefined for an empty one. */
export function createStoreClock(writtenAtMs = Date.now()): StoreClock {
  const openedMs = performance.now()
  const provenMs = (): number => writtenAtMs + Math.floor(performance.now() - openedMs)
  let latestMs = writtenAtMs
  return {
    stampMs: () => (latestMs = Math.max(Date.now(), provenMs())),
    expiryMs: () => Math.min(Date.now(), provenMs()),
    latestStampMs: () => latestMs,
  }
}
