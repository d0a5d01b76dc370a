/** Counts of what a process does step by step: cheap to compare on any machine, but too dear for tests of time or memory. */
import { createHook } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'

export interface Steps {
  /** What the event loop was asked for, by type: `PROMISE`, `TickObject`, `Timeout`, `TCPCONNECTWRAP`… */
  readonly resources: Readonly<Record<string, number>>
  /** That JavaScript asked to copy from one buffer into another. */
  readonly copiedBytes: number
  /** Of text that was made of buffers, or buffers that were made of text. */
  readonly convertedBytes: number
  /** Listeners that were added to emitters. */
  readonly listeners: number
  /** Lists of pieces that TCP sockets were given to write together. */
  readonly lists: number
}

const resources = new Map<string, number>()
let copiedBytes = 0
let convertedBytes = 0
let listeners = 0
let lists = 0

/** Starts counting. Returns a function that tells the counts so far. */
export function countSteps(): () => Steps {
  createHook({
    init: (_id, type) => void resources.set(type, (resources.get(type) ?? 0) + 1),
  }).enable()
  // Buffer.concat copies inside of Node, without `set`.
  const { concat, from } = Buffer
  Buffer.concat = ((...args: Parameters<typeof concat>) => {
    const made = concat(...args)
    copiedBytes += made.length
    return made
  }) as typeof concat
  Buffer.from = ((...args: Parameters<typeof from>) => {
    const made = from(...args)
    if (typeof args[0] === 'string') convertedBytes += made.length
    // A view of an ArrayBuffer copies nothing.
    else if (!isArrayBuffer(args[0])) copiedBytes += made.length
    return made
  }) as typeof from
  wrap(Buffer.prototype, 'copy', (copied) => (copiedBytes += copied as number))
  wrap(Buffer.prototype, 'toString', (text) => (convertedBytes += (text as string).length))
  wrap(Uint8Array.prototype, 'set', (_, [bytes]) => (copiedBytes += (bytes as ArrayLike<number>).length))
  wrap(Uint8Array.prototype, 'slice', (made) => (copiedBytes += (made as Uint8Array).length))
  wrap(EventEmitter.prototype, 'on', () => listeners++)
  wrap(Socket.prototype as Required<Socket>, '_writev', () => lists++)
  return () => ({ resources: Object.fromEntries(resources), copiedBytes, convertedBytes, listeners, lists })
}

const isArrayBuffer = (value: unknown): boolean =>
  value instanceof ArrayBuffer || value instanceof SharedArrayBuffer

/** Tells `count` of what each call of a method has returned, and of its arguments. */
function wrap<K extends string>(
  prototype: Record<K, (...args: never[]) => unknown>,
  name: K,
  count: (returned: unknown, args: readonly unknown[]) => void,
): void {
  const method = prototype[name] as (this: unknown, ...args: unknown[]) => unknown
  const counting = function (this: unknown, ...args: unknown[]): unknown {
    const returned = method.apply(this, args)
    count(returned, args)
    return returned
  }
  Object.defineProperty(prototype, name, { value: counting })
}
