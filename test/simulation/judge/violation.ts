/** Something that must never happen, and did. */
export interface Violation {
  /** Which promise was broken. */
  readonly rule: string
  readonly atMs: number
  readonly what: string
}

export const inSeconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
