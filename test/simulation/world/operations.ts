import { isIP } from 'node:net'
import { constants } from 'node:os'
import type { Application, Endpoint } from './endpoint.ts'
import { keyOf, Listener, net } from './network.ts'
import type { Failure } from './transmission.ts'
import { world } from './world.ts'

// What the handles below Node's sockets and servers do, where they would enter libuv, on a network in memory.

/** A request of `net` to libuv: an object with a callback. */
interface Call {
  oncomplete?: (...values: unknown[]) => void
}

export interface Handle {
  [STATE]?: State
  onread?: (bytes: ArrayBufferLike | undefined) => void
  onconnection?: (status: number, handle: Handle | undefined) => void
}

/** What a handle is in the simulation. */
export interface State {
  readonly owner: typeof world.schedule.current
  end?: Endpoint
  listener?: Listener
  key?: string
  address: string
  port: number
  path?: string
  /** A write that waits. */
  writing?: Call | undefined
  /** Whether the end of what it sends has been asked for, and not told. */
  isShutting?: boolean
}

interface StreamBinding {
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kArrayBufferOffset: number
  readonly kBytesWritten: number
  readonly kLastWriteWasAsync: number
}

export interface HandleClass {
  new (type: number): Handle
  readonly prototype: Record<string, unknown>
}

export const STATE = Symbol('state')
const END_OF_FILE = -4095
const errno = (code: string): number =>
  -((constants.errno as Readonly<Record<string, number>>)[code] ?? constants.errno.EIO)

const bindings = process as unknown as { binding(name: string): Record<string, unknown> }
const stream = bindings.binding('stream_wrap') as unknown as StreamBinding
export const { TCP, constants: tcpConstants } = bindings.binding('tcp_wrap') as unknown as {
  TCP: HandleClass
  constants: { SOCKET: number }
}
export const { Pipe, constants: pipeConstants } = bindings.binding('pipe_wrap') as unknown as {
  Pipe: HandleClass
  constants: { SOCKET: number }
}

export function stateOf(handle: Handle): State {
  return (handle[STATE] ??= { owner: world.schedule.current, address: '', port: 0 })
}

const NOT_CONNECTED = errno('ENOTCONN')

function appOf(handle: Handle, onConnected: (failure?: Failure) => void): Application {
  return {
    onConnected,
    onRead(bytes) {
      stream.streamBaseState[stream.kReadBytesOrError] = bytes?.length ?? END_OF_FILE
      stream.streamBaseState[stream.kArrayBufferOffset] = bytes?.byteOffset ?? 0
      handle.onread?.(bytes?.buffer)
    },
    onReadFailure(failure) {
      stream.streamBaseState[stream.kReadBytesOrError] = errno(failure)
      handle.onread?.(undefined)
    },
    onWritten: (failure) => endWrite(handle, failure ? errno(failure) : 0),
  }
}

function endWrite(handle: Handle, status: number): void {
  const state = stateOf(handle)
  const call = state.writing
  state.writing = undefined
  call?.oncomplete?.(status, handle, undefined)
}

function bind(handle: Handle, address: string, port: number): number {
  Object.assign(stateOf(handle), { address, port: port || net.network.freePort() })
  return 0
}

function connect(handle: Handle, call: Call, to: string): number {
  const state = stateOf(handle)
  const onConnected = (failure?: Failure): void =>
    call.oncomplete?.(failure ? errno(failure) : 0, handle, call, true, true)
  state.end = net.network.connect(to, appOf(handle, onConnected))
  return 0
}

function write(handle: Handle, call: Call, bytes: Buffer): number {
  const state = stateOf(handle)
  const outcome = state.end?.write(bytes) ?? (state.end ? undefined : 'EPIPE')
  const isWaiting = outcome === 'waits'
  if (outcome !== undefined && !isWaiting) return errno(outcome)
  stream.streamBaseState[stream.kBytesWritten] = bytes.length
  stream.streamBaseState[stream.kLastWriteWasAsync] = isWaiting ? 1 : 0
  if (isWaiting) state.writing = call
  return 0
}

function end(handle: Handle, isReset: boolean, callback?: () => void): void {
  const state = stateOf(handle)
  state.end?.close(isReset)
  if (state.listener && state.key !== undefined) net.network.unlisten(state.key, state.listener)
  if (callback === undefined && state.writing === undefined) return
  world.schedule.after(0, state.owner, () => {
    endWrite(handle, errno('ECANCELED'))
    callback?.call(handle)
  })
}

/** What both classes of handles do, in terms of libuv. */
export function operationsOf(HandleOf: HandleClass, type: number, nativeClose: (this: Handle) => void) {
  const writeText = (encoding: BufferEncoding) =>
    function (this: Handle, call: Call, text: string): number {
      return write(this, call, Buffer.from(text, encoding))
    }
  return {
    listen(this: Handle, backlog: number): number {
      const state = stateOf(this)
      const listener = new Listener(state.owner, backlog, (accepted) => {
        const handle = new HandleOf(type)
        const { owner, address, port } = accepted
        handle[STATE] = { owner, end: accepted, address, port }
        accepted.app = appOf(handle, () => undefined)
        this.onconnection?.(0, handle)
      })
      const key = state.path ?? keyOf(state.address, state.port)
      if (!net.network.listen(key, listener)) return errno('EADDRINUSE')
      Object.assign(state, { listener, key })
      return 0
    },
    readStart(this: Handle): number {
      stateOf(this).end?.startReading()
      return 0
    },
    readStop(this: Handle): number {
      stateOf(this).end?.stopReading()
      return 0
    },
    writeBuffer(this: Handle, call: Call, bytes: Uint8Array): number {
      return write(this, call, Buffer.from(bytes))
    },
    writev(this: Handle, call: Call, chunks: readonly unknown[], areBuffers: boolean): number {
      const buffers: Uint8Array[] = []
      for (let i = 0; i < chunks.length; i += areBuffers ? 1 : 2) {
        const chunk = chunks[i] as Uint8Array | string
        buffers.push(typeof chunk === 'string' ? Buffer.from(chunk, chunks[i + 1] as BufferEncoding) : chunk)
      }
      return write(this, call, Buffer.concat(buffers))
    },
    writeUtf8String: writeText('utf8'),
    writeAsciiString: writeText('latin1'),
    writeLatin1String: writeText('latin1'),
    writeUcs2String: writeText('utf16le'),
    shutdown(this: Handle, call: Call): number {
      const state = stateOf(this)
      if (state.end === undefined) return NOT_CONNECTED
      state.end.shut()
      state.isShutting = true
      world.schedule.after(0, state.owner, () => {
        state.isShutting = false
        call.oncomplete?.(0)
      })
      return 0
    },
    close(this: Handle, callback?: () => void): void {
      end(this, false, callback)
      nativeClose.call(this)
    },
    reset(this: Handle, callback?: () => void): number {
      if (stateOf(this).isShutting) return errno('EINVAL')
      end(this, true, callback)
      nativeClose.call(this)
      return 0
    },
  }
}

export const tcpOperations = {
  bind(this: Handle, address: string, port: number): number {
    return bind(this, address, port)
  },
  bind6(this: Handle, address: string, port: number): number {
    return bind(this, address, port)
  },
  connect(this: Handle, call: Call, address: string, port: number): number {
    return connect(this, call, keyOf(address, port))
  },
  connect6(this: Handle, call: Call, address: string, port: number): number {
    return connect(this, call, keyOf(address, port))
  },
  getsockname(this: Handle, out: object): number {
    const { end: known, address, port } = stateOf(this)
    return describe(out, known?.address ?? address, known?.port ?? port)
  },
  getpeername(this: Handle, out: object): number {
    const { end: known } = stateOf(this)
    return known?.peer ? describe(out, known.peer.address, known.peer.port) : NOT_CONNECTED
  },
  setNoDelay: () => 0,
  setKeepAlive(this: Handle, isOn: boolean, delayS: number): number {
    stateOf(this).end?.keepAlive(isOn && delayS > 0 ? delayS * 1_000 : undefined)
    return 0
  },
}

function describe(out: object, address: string, port: number): number {
  Object.assign(out, { address, port, family: isIP(address) === 6 ? 'IPv6' : 'IPv4' })
  return 0
}

export const pipeOperations = {
  bind(this: Handle, path: string): number {
    stateOf(this).path = path
    return 0
  },
  connect(this: Handle, call: Call, path: string): number {
    return connect(this, call, path)
  },
  fchmod: () => 0,
}
