import type { Notice } from '../../shared/notice.ts'

/** A frame is sent before its window ends when this many messages wait in it: about 80 KB. */
const MESSAGES_PER_FRAME = 1_000

interface OutboxOptions {
  /** How long notices are gathered after one was sent, in ms; 0 sends each at once. */
  readonly windowMs: number
}

/** Where the outbox gets its time from; tests have their own. */
interface Clock {
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

const NODE_CLOCK: Clock = { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) }

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
    window = windowMs > 0 ? clock.setTimeout(endWindow, windowMs) : undefined
    send(frame)
  }

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
