import type { PublicKey } from '../lib/evidence-keys.ts'

/** A file that was looked at. */
export type Verdict =
  | Verified
  | Problem<'altered'>
  /** It is no such file, of a version that this one does not know, or signed with another key. */
  | Problem<'unknown'>

export interface Verified {
  readonly verdict: 'verified'
  readonly head: Record<string, unknown>
  readonly header: Record<string, unknown>
  readonly key: PublicKey
  /** What was taken as it stands, one sentence each. */
  readonly given: readonly string[]
  /** Whether it has the last entry of the earlier file under the same link; undefined if that could not be compared. */
  readonly agrees?: true
}

export interface Problem<T extends string> {
  readonly verdict: T
  /** Where that shows, from 1; undefined if it cannot be told. */
  readonly line?: number
  readonly problem: string
}
