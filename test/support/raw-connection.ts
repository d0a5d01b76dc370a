import { once } from 'node:events'
import { connect } from 'node:net'
import { waitUntil, withTimeout } from './wait.ts'

/** A TCP connection to a local port that sends any bytes, and records what comes back. */
export interface RawConnection {
  send(bytes: Buffer | string): void
  /** Sends each byte in a packet of its own. */
  sendBytewise(bytes: Buffer): Promise<void>
  /** Everything received so far, as Latin-1: one character per byte. */
  received(): string
  /** Whether the peer has ended or reset the connection. */
  isClosed(): boolean
  /** Resolves once the peer has ended or reset the connection; rejects after 8 s. */
  closed(): Promise<void>
  /** Resolves once `isThere` returns true; rejects if the connection closes before, or after 8 s. */
  until(description: string, isThere: (received: string) => boolean): Promise<void>
  /** Ends this side, as a peer that has nothing more to send. */
  end(): void
  destroy(): void
}

/** Resolves once connected. Text is sent as Latin-1. */
export async function openRawConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  let received = ''
  let isClosed = false
  const close = (): void => void (isClosed = true)
  const closed = new Promise<void>((resolve) => {
    for (const event of ['end', 'close']) socket.once(event, () => (close(), resolve()))
  })
  socket.on('error', () => undefined)
  socket.setEncoding('latin1').on('data', (part: string) => (received += part))
  await withTimeout('the connection opens', once(socket, 'connect'))
  const send: RawConnection['send'] = (bytes) => {
    if (socket.writable) socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }
  return {
    send,
    async sendBytewise(bytes) {
      for (const byte of bytes) {
        send(Buffer.of(byte))
        await new Promise(setImmediate)
      }
    },
    received: () => received,
    isClosed: () => isClosed,
    closed: () => withTimeout('the peer closes the connection', closed),
    async until(description, isThere) {
      await waitUntil(description, () => isThere(received) || isClosed)
      if (!isThere(received))
        throw new Error(`closed before ${description}; received ${JSON.stringify(received)}`)
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}
