import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { EndedGroup } from '../broker.ts'
import type { Loss } from './copy-batches.ts'

/** A recall that the broker confirmed, and the positions that it got each time, in the order of `roomsOf`. */
export interface RecallCopy {
  readonly recall: Recall
  readonly confirmed: readonly (readonly Position[])[]
}

export type Copy = RecallCopy | EndedGroup

export const isEnd = (copy: Copy): copy is EndedGroup => 'ended' in copy

/** What is written on disk: a copy with its batch, or what has become of batches. Their order does not matter. */
export type Line =
  | { readonly batch: readonly [key: number, marker: number, atMs: number]; readonly copy: Copy }
  | { readonly lost: Loss; readonly sinceMs: number }
  | { readonly restored: number }

export const encode = (line: Line): Buffer => Buffer.from(JSON.stringify(line))
export const decode = (payload: Buffer): Line => JSON.parse(payload.toString()) as Line
export const copyIn = (payload: Buffer): Copy =>
  (JSON.parse(payload.toString()) as { readonly copy: Copy }).copy
