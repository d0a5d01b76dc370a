import type { Notice } from '../../../shared/notice.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'

/** A batch of this many messages, about 80 KB, is sent before its window ends. */
const MAX_MESSAGES_PER_FRAME = 1_000
/**
 * A window lasts at least this many times as long as the last frame took to write. However many the recalls, a room whose
 * frames take up to 25 ms then uses no more than a fifth of the process, and leaves the rest to webhooks and other rooms.
 */
const MIN_WINDOW_PER_WRITE = 4
/** A longer delay would be noticeable. Frames that take more than 25 ms to write leave the process a smaller share. */
const MAX_WINDOW_MS = 100

interface BatcherOptions {
  /** How long notices are batched after a frame, at least, in ms; 0 sends every notice immediately. */
  readonly windowMs: number
}

/**
 * Batches the notices of one room into frames: sends the first notice of a quiet room immediately, and those that follow
 * within the window as one frame at its end. Keeps order; holds at most one frame.
 */
export function createBatcher(
  { windowMs }: BatcherOptions,
  /** Returns a promise if it has not written to everybody yet. */
  send: (notices: readonly Notice[]) => Promise<unknown> | undefined,
  clock: Clock = NODE_CLOCK,
) {
  let batch: Notice[] = []
  let messages = 0
  let windowEndsAtMs = -Infinity
  let timer: unknown
  /** Frames that have not been written to everybody yet: the next one waits for them. */
  let unsent = 0
  let isClosed = false

  function onWindowEnd(): void {
    timer = undefined
    if (batch.length > 0) sendBatch()
  }

  function sendBatch(): void {
    const frame = batch
    batch = []
    messages = 0
    clock.clearTimeout(timer)
    timer = undefined
    const startedAtMs = clock.now()
    const sending = send(frame)
    if (sending === undefined) return onSent(startedAtMs)
    unsent++
    void sending.then(() => {
      unsent--
      onSent(startedAtMs)
      if (unsent === 0 && batch.length > 0 && !isClosed)
        timer ??= clock.setTimeout(onWindowEnd, windowEndsAtMs - clock.now())
    })
  }

  function onSent(startedAtMs: number): void {
    const sentAtMs = clock.now()
    windowEndsAtMs = sentAtMs + nextWindowMs(sentAtMs - startedAtMs)
  }

  const nextWindowMs = (writeMs: number): number =>
    windowMs === 0 ? 0 : Math.max(windowMs, Math.min(MIN_WINDOW_PER_WRITE * writeMs, MAX_WINDOW_MS))

  return {
    push(notice: Notice): void {
      batch.push(notice)
      messages += notice.messages.length
      const leftMs = unsent > 0 ? Infinity : windowEndsAtMs - clock.now()
      if (leftMs <= 0 || messages >= MAX_MESSAGES_PER_FRAME) sendBatch()
      // Set no earlier: most windows end without a second notice, and would wake the process for nothing.
      else if (unsent === 0) timer ??= clock.setTimeout(onWindowEnd, leftMs)
    },

    /** Sends the current batch now. */
    flush(): void {
      if (batch.length > 0) sendBatch()
    },

    /** Drops the current batch. */
    close(): void {
      isClosed = true
      clock.clearTimeout(timer)
      batch = []
    },
  }
}

export type Batcher = ReturnType<typeof createBatcher>
