import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { waitUntil } from './wait.ts'

interface RawOptions {
  /** Address of the client, in 127.0.0.0/8. */
  readonly from?: string
  readonly secure?: boolean
}

/** A connection on which a test writes bytes of its own choice. */
export interface RawConnection {
  readonly socket: Socket
  readonly received: () => string
  readonly isClosed: () => boolean
  /** Resolves once the connection is closed, to all that was received. */
  readonly closed: (timeoutMs?: number) => Promise<string>
}

/** Opens a connection to a server on this machine. Resolves once it is open. */
export async function openRaw(port: number, { from, secure }: RawOptions = {}): Promise<RawConnection> {
  const options = { port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) }
  const socket = secure ? connectTls({ ...options, rejectUnauthorized: false }) : connectTcp(options)
  let received = ''
  let isClosed = false
  socket.setEncoding('latin1').on('data', (part: string) => (received += part))
  socket.on('error', () => undefined)
  socket.on('close', () => (isClosed = true))
  await once(socket, secure ? 'secureConnect' : 'connect')
  return {
    socket,
    received: () => received,
    isClosed: () => isClosed,
    closed: async (timeoutMs) => {
      await waitUntil('the connection is closed', () => isClosed, timeoutMs)
      return received
    },
  }
}
