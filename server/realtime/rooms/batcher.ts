import type { Notice } from '../../../shared/notice.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'

/** A frame is sent before its window ends when this many messages wait in it: about 80 KB. */
const MESSAGES_PER_FRAME = 1_000
/**
 * A window is no shorter than so many times what the last frame took to write: however large the room, and however many
 * recalls there are, it takes a fifth of the process at most, and the rest is for webhooks and other rooms.
 */
const WINDOW_TIMES_WRITING = 4
/** Longer than that, people would notice. */
const MAX_WINDOW_MS = 100

interface BatcherOptions {
  /** How long notices are gathered after one was sent, at least, in ms; 0 sends each at once. */
  readonly windowMs: number
}

/**
 * Gathers the notices of one room into frames: the first of a quiet room leaves at once, what follows within the window
 * leaves together at its end. Keeps order; holds at most one frame.
 */
export function createBatcher(
  { windowMs }: BatcherOptions,
  send: (notices: readonly Notice[]) => void,
  clock: Clock = NODE_CLOCK,
) {
  let waiting: Notice[] = []
  let messages = 0
  let windowEndsAtMs = -Infinity
  let timer: unknown

  function endWindow(): void {
    timer = undefined
    if (waiting.length > 0) sendWaiting()
  }

  function sendWaiting(): void {
    const frame = waiting
    waiting = []
    messages = 0
    clock.clearTimeout(timer)
    timer = undefined
    const beganMs = clock.now()
    send(frame)
    const endedMs = clock.now()
    windowEndsAtMs = endedMs + windowAfter(endedMs - beganMs)
  }

  const windowAfter = (tookMs: number): number =>
    windowMs === 0 ? 0 : Math.max(windowMs, Math.min(WINDOW_TIMES_WRITING * tookMs, MAX_WINDOW_MS))

  return {
    push(notice: Notice): void {
      waiting.push(notice)
      messages += notice.messages.length
      const leftMs = windowEndsAtMs - clock.now()
      if (leftMs <= 0 || messages >= MESSAGES_PER_FRAME) sendWaiting()
      // Only now: most windows end without a second notice, and a timer for each would wake the process for nothing.
      else timer ??= clock.setTimeout(endWindow, leftMs)
    },

    /** Sends what waits now. */
    flush(): void {
      if (waiting.length > 0) sendWaiting()
    },

    close(): void {
      clock.clearTimeout(timer)
      waiting = []
    },
  }
}

export type Batcher = ReturnType<typeof createBatcher>
