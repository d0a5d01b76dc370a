import type { Notice } from '../../shared/notice.ts'

/** A frame is sent before its window ends when this many messages wait in it: about 80 KB. */
const MESSAGES_PER_FRAME = 1_000
/**
 * A window is no shorter than so many times what the last frame took to write: however large the room, and however many
 * recalls there are, it takes a fifth of the process at most, and the rest is for webhooks and other rooms.
 */
const WINDOW_TIMES_WRITING = 4
/** Longer than that, people would notice. */
const WINDOW_AT_MOST_MS = 100

interface OutboxOptions {
  /** How long notices are gathered after one was sent, at least, in ms; 0 sends each at once. */
  readonly windowMs: number
}

/** Where the outbox gets its time from; tests have their own. */
interface Clock {
  now(): number
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

const NODE_CLOCK: Clock = {
  now: () => performance.now(),
  setTimeout,
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

/**
 * Gathers the notices of one room into frames: the first of a quiet room leaves at once, what follows within the window
 * leaves together at its end. Keeps order; holds at most one frame.
 */
export function createOutbox(
  { windowMs }: OutboxOptions,
  send: (notices: readonly Notice[]) => void,
  clock: Clock = NODE_CLOCK,
) {
  let waiting: Notice[] = []
  let messages = 0
  let window: unknown

  function endWindow(): void {
    window = undefined
    if (waiting.length > 0) sendWaiting()
  }

  function sendWaiting(): void {
    const frame = waiting
    waiting = []
    messages = 0
    clock.clearTimeout(window)
    const beganMs = clock.now()
    send(frame)
    const tookMs = clock.now() - beganMs
    window = windowMs > 0 ? clock.setTimeout(endWindow, windowAfter(tookMs)) : undefined
  }

  const windowAfter = (tookMs: number): number =>
    Math.max(windowMs, Math.min(WINDOW_TIMES_WRITING * tookMs, WINDOW_AT_MOST_MS))

  return {
    push(notice: Notice): void {
      waiting.push(notice)
      messages += notice.messages.length
      if (window === undefined || messages >= MESSAGES_PER_FRAME) sendWaiting()
    },

    /** Sends what waits now. */
    flush(): void {
      if (waiting.length > 0) sendWaiting()
    },

    close(): void {
      clock.clearTimeout(window)
      waiting = []
    },
  }
}

export type Outbox = ReturnType<typeof createOutbox>
