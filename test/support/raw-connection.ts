import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { waitUntil, withTimeout } from './wait.ts'

interface RawOptions {
  /** Address of the client, in 127.0.0.0/8. */
  readonly from?: string
  readonly secure?: boolean
  /** Whether to keep this side open when the peer has ended its own. The connection then counts as closed. */
  readonly allowHalfOpen?: boolean
}

/** A connection on which a test writes bytes of its own choice, and records what comes back. */
export interface RawConnection {
  readonly socket: Socket
  /** Text is sent as Latin-1. */
  send(bytes: Buffer | string): void
  /** Sends each byte in a packet of its own. */
  sendBytewise(bytes: Buffer): Promise<void>
  /** Everything received so far, as Latin-1: one character per byte. */
  received(): string
  isClosed(): boolean
  /** Resolves once the connection is closed, to all that was received. */
  closed(timeoutMs?: number): Promise<string>
  /** Resolves to all that was received once it contains this. Rejects if the connection closes before. */
  until(what: string | RegExp | ((received: string) => boolean)): Promise<string>
  /** Ends this side, as a peer that has nothing more to send. */
  end(): void
  destroy(): void
}

/** Opens a connection to a server on this machine. Resolves once it is open. */
export async function openRaw(
  port: number,
  { from, secure = false, allowHalfOpen = false }: RawOptions = {},
): Promise<RawConnection> {
  const options = { port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) }
  const socket = secure
    ? connectTls({ ...options, rejectUnauthorized: false })
    : connectTcp({ ...options, noDelay: true, allowHalfOpen })
  let received = ''
  let isClosed = false
  socket.setEncoding('latin1').on('data', (part: string) => (received += part))
  // A peer that refuses what it is sent may reset the connection; what it said counts.
  socket.on('error', () => undefined)
  for (const event of allowHalfOpen ? ['end', 'close'] : ['close']) socket.on(event, () => (isClosed = true))
  await withTimeout('the connection opens', once(socket, secure ? 'secureConnect' : 'connect'))
  const send: RawConnection['send'] = (bytes) => {
    if (socket.writable) socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }
  return {
    socket,
    send,
    async sendBytewise(bytes) {
      for (const byte of bytes) {
        send(Buffer.of(byte))
        await new Promise(setImmediate)
      }
    },
    received: () => received,
    isClosed: () => isClosed,
    async closed(timeoutMs) {
      await waitUntil('the connection is closed', () => isClosed, timeoutMs)
      return received
    },
    async until(what) {
      const isThere = (): boolean => {
        if (typeof what === 'function') return what(received)
        return typeof what === 'string' ? received.includes(what) : what.test(received)
      }
      await waitUntil(`${String(what)} arrives`, () => isThere() || isClosed)
      if (!isThere()) throw new Error(`closed before ${String(what)}; received ${JSON.stringify(received)}`)
      return received
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}
