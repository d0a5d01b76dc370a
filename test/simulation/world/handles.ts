import { createRequire, syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'
import { idleTimers } from './idle.ts'
import { lookup } from './lookup.ts'
import {
  operationsOf,
  Pipe,
  pipeConstants,
  pipeOperations,
  STATE,
  stateOf,
  TCP,
  tcpConstants,
  tcpOperations,
} from './operations.ts'
import type { Handle, HandleClass, State } from './operations.ts'
import { world } from './world.ts'

// Node's own `net` runs on a network in memory: the operations of the handles below its sockets and servers are replaced.

const require = createRequire(import.meta.url)

const numbers: Readonly<Record<string, (state: State) => unknown>> = {
  bytesRead: ({ end: known }) => known?.bytesRead ?? 0,
  bytesWritten: ({ end: known }) => known?.bytesWritten ?? 0,
  writeQueueSize: ({ end: known }) => known?.waitingBytes ?? 0,
  // Otherwise the parser of HTTP would read from libuv by itself.
  isStreamBase: () => false,
}

/** Of the process that simulates, such as its standard output: they were opened with a file descriptor. */
const real = new WeakSet<object>()
/** What makes a handle one of the simulation; so does an end that tells of it, before anything else. */
const FIRST = new Set(['bind', 'bind6', 'connect', 'connect6', 'listen', 'close', 'reset'])
const isReal = (handle: Handle, operation = ''): boolean =>
  handle[STATE] === undefined &&
  (!FIRST.has(operation) || real.has(handle) || (world.schedule as unknown) === undefined)

type Operation = (this: Handle, ...values: unknown[]) => unknown

function replaceIn(
  prototype: Record<string, unknown>,
  HandleOf: HandleClass,
  type: number,
  own: Readonly<Record<string, unknown>>,
): void {
  const nativeClose = prototype['close'] as (this: Handle) => void
  const all = { ...operationsOf(HandleOf, type, nativeClose), ...own } as unknown as Record<string, Operation>
  for (const [name, operation] of Object.entries(all)) {
    const native = prototype[name] as Operation | undefined
    prototype[name] = function (this: Handle, ...values: unknown[]): unknown {
      return native && isReal(this, name) ? native.apply(this, values) : operation.apply(this, values)
    }
  }
  const open = prototype['open'] as Operation
  prototype['open'] = function (this: Handle, ...values: unknown[]): unknown {
    real.add(this)
    return open.apply(this, values)
  }
  for (const [name, read] of Object.entries(numbers))
    Object.defineProperty(prototype, name, {
      get(this: Handle): unknown {
        if (!isReal(this)) return read(stateOf(this))
        return Reflect.get(Object.getPrototypeOf(prototype) as object, name, this) as unknown
      },
    })
}

/** Sockets, servers and names are those of `net.network` from now on. Never undone. */
export function replaceNetwork(): void {
  replaceIn(TCP.prototype, TCP, tcpConstants.SOCKET, tcpOperations)
  replaceIn(Pipe.prototype, Pipe, pipeConstants.SOCKET, pipeOperations)
  Object.assign(Socket.prototype, idleTimers)
  Object.assign(require('node:dns') as object, { lookup })
  syncBuiltinESMExports()
}
