import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { EndedGroup } from '../recoverable-broker.ts'
import type { Batch, Loss } from './copy-batches.ts'

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

/** Returns a function that encodes the lines of copies of one batch. */
export function copyEncoder({ key, marker, atMs }: Batch): (index: number, copy: Copy) => Buffer {
  const batch = JSON.stringify([key, marker, atMs])
  return (index, copy) => Buffer.from(`{"batch":${batch},"index":${index},"copy":${JSON.stringify(copy)}}`)
}

export const encodeNote = (line: Exclude<Line, { readonly batch: unknown }>): Buffer =>
  Buffer.from(JSON.stringify(line))

export const decodeLine = (payload: Buffer): Line => JSON.parse(payload.toString()) as Line
