import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { EndedGroup } from '../recoverable-broker.ts'
import type { Loss } from './copy-batches.ts'

/**
 * A recall that the broker confirmed, and the positions that it got each time, in the order of `roomsOf`: none if it was a repeat
 * then, so that its positions are not known.
 */
export interface RecallCopy {
  readonly recall: Recall
  readonly confirmed: readonly (readonly Position[])[]
}

export type Copy = RecallCopy | EndedGroup

export const isEnd = (copy: Copy): copy is EndedGroup => 'ended' in copy

/** What is written on disk: a copy with its batch and its index there, or what has become of batches. Their order does not matter. */
export type Line =
  | {
      readonly batch: readonly [key: number, marker: number, atMs: number]
      readonly index: number
      readonly copy: Copy
    }
  | { readonly lost: Loss; readonly sinceMs: number }
  | { readonly restored: number }

export const encodeLine = (line: Line): Buffer => Buffer.from(JSON.stringify(line))

export const decodeLine = (payload: Buffer): Line => JSON.parse(payload.toString()) as Line
