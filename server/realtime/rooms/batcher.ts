import type { Notice } from '../../../shared/notice.ts'
import { createPace } from '../../lib/pacing.ts'
import type { Pace } from '../../lib/pacing.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'

/** A batch of this many messages, about 80 KB, is sent before its window ends. */
const MAX_MESSAGES_PER_FRAME = 1_000
/**
 * A window lasts this many times as long as the last frame took to write, and at least so long, when the process is strained. A
 * room whose frames take up to 14 ms then uses no more than an eighth of it, however many the recalls.
 */
const WINDOW_PER_WRITE = 7
const MIN_STRAINED_WINDOW_MS = 25

/** Notices leave at once below about half load. A large room under a storm settles there. */
export const createNoticePace = (): Pace => createPace({ relaxed: 0.45, strained: 0.6 })

interface BatcherOptions {
  /** How long notices wait for others after a frame, at most, in ms; 0 sends every notice immediately. */
  readonly maxWindowMs: number
  readonly pace: Pace
  /** Replaced by tests. */
  readonly clock?: Clock | undefined
}

/**
 * Batches the notices of one room into frames. Those that arrive in the same turn, or while a frame is written, share the next
 * one. The others wait for the end of a window that began with the last frame, and lasts as long as the load of the process
 * demands: no time at all while there is time to spare. Keeps order; holds at most one frame.
 */
export function createBatcher(
  { maxWindowMs, pace, clock = NODE_CLOCK }: BatcherOptions,
  /** Returns a promise if it has not written to everybody yet. */
  send: (notices: readonly Notice[]) => Promise<unknown> | undefined,
) {
  let batch: Notice[] = []
  let messages = 0
  let sentAtMs = -Infinity
  let strainedWindowMs = 0
  let timer: unknown
  let isSendingSoon = false
  /** Frames that have not been written to everybody yet: the next one waits for them. */
  let unsent = 0
  let isClosed = false

  const leftMs = (): number => sentAtMs + pace() * strainedWindowMs - clock.now()

  function sendSoon(): void {
    if (isSendingSoon) return
    isSendingSoon = true
    queueMicrotask(() => {
      isSendingSoon = false
      if (unsent === 0) flush()
    })
  }

  function sendAfterWindow(): void {
    if (timer !== undefined || isSendingSoon) return
    const ms = leftMs()
    if (ms <= 0) sendSoon()
    else timer = clock.setTimeout(flush, ms)
  }

  function flush(): void {
    clock.clearTimeout(timer)
    timer = undefined
    if (batch.length > 0) sendBatch()
  }

  function sendBatch(): void {
    const frame = batch
    batch = []
    messages = 0
    const startedAtMs = clock.now()
    const sending = send(frame)
    if (sending === undefined) return onSent(startedAtMs)
    unsent++
    void sending.then(() => {
      unsent--
      onSent(startedAtMs)
      if (unsent === 0 && batch.length > 0) sendAfterWindow()
    })
  }

  function onSent(startedAtMs: number): void {
    sentAtMs = clock.now()
    const wantedMs = Math.max(WINDOW_PER_WRITE * (sentAtMs - startedAtMs), MIN_STRAINED_WINDOW_MS)
    strainedWindowMs = Math.min(wantedMs, maxWindowMs)
  }

  return {
    push(notice: Notice): void {
      if (isClosed) return
      batch.push(notice)
      messages += notice.messages.length
      if (maxWindowMs === 0 || messages >= MAX_MESSAGES_PER_FRAME) flush()
      else if (unsent === 0) sendAfterWindow()
    },

    /** Sends the current batch now. */
    flush,

    /** Drops the current batch. */
    close(): void {
      isClosed = true
      clock.clearTimeout(timer)
      batch = []
    },
  }
}

export type Batcher = ReturnType<typeof createBatcher>
