import type { RoomGap } from './api.ts'
import { copyOf } from './copy.ts'

type Handler = (gap: RoomGap) => unknown

/** A handler of a gap threw `cause`. */
export class HandlerFailed extends Error {
  readonly handler: Handler

  constructor(handler: Handler, cause: unknown) {
    super('a handler of a gap failed', { cause })
    this.handler = handler
  }
}

/** Calls the handlers of one gap until each of them has returned once. */
export class Telling {
  readonly #gap: RoomGap
  /** Those that have returned, and those that are running. */
  readonly #calls = new Map<Handler, Promise<unknown>>()

  constructor(gap: RoomGap) {
    this.#gap = gap
  }

  /** Whether a handler has been called and has not failed. */
  get hasTold(): boolean {
    return this.#calls.size > 0
  }

  /** Calls those that have neither returned nor are running. Rejects with the first `HandlerFailed`, once all have been called. */
  async tell(handlers: readonly Handler[]): Promise<void> {
    const calls = handlers.map((handler) => this.#calls.get(handler) ?? this.#call(handler))
    const failed = (await Promise.allSettled(calls)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }

  #call(handler: Handler): Promise<unknown> {
    const call = (async () => handler(copyOf(this.#gap)))().catch((error: unknown) => {
      this.#calls.delete(handler)
      throw new HandlerFailed(handler, error)
    })
    this.#calls.set(handler, call)
    return call
  }
}

/** A gap in a room. Its listeners share it: each handler of the client is called once for all of them. */
export class Gap {
  readonly value: RoomGap
  readonly toClient: Telling

  constructor(value: RoomGap) {
    this.value = value
    this.toClient = new Telling(value)
  }
}

/** Tells a gap to the handlers of the client, and to those of one listener. Rejects if one fails, or if nothing handles it. */
export async function tellGap(
  { value, toClient }: Gap,
  common: readonly Handler[],
  told: Telling,
  own: readonly Handler[],
): Promise<void> {
  if (common.length + own.length === 0 && !toClient.hasTold && !told.hasTold)
    throw new Error(
      `notices of ${JSON.stringify(value.room)} are missing (${value.reason}), and nothing handles that: ` +
        'subscribe with `load`, or listen to `gap`',
    )
  await Promise.all([toClient.tell(common), told.tell(own)])
}
