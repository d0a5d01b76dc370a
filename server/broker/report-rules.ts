/** A process that has told nothing of itself for so long is taken for gone. */
export const REPORT_TTL_MS = 10_000
/** Above so many, those of processes that are gone are looked for. */
export const REPORTS_KEPT = 200
