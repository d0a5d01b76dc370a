import { once } from 'node:events'
import { createConnection } from 'node:net'
import { waitUntil } from './wait.ts'
import { signedQuery } from './webhook.ts'

/** A connection on which a test writes requests byte by byte. */
export interface RawConnection {
  write(data: string | Buffer): void
  /** Returns everything received so far. */
  received(): string
  /** Resolves once this much of the text was received. */
  until(text: string | RegExp): Promise<string>
  isClosed(): boolean
  close(): void
}

export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  let received = ''
  let closed = false
  socket.on('data', (data) => (received += data.toString()))
  socket.on('close', () => (closed = true))
  // A peer that refuses a body may reset the connection; what it said counts.
  socket.on('error', () => undefined)
  return {
    write: (data) => void socket.write(data),
    received: () => received,
    until: async (text) => {
      const matches = (): boolean =>
        typeof text === 'string' ? received.includes(text) : text.test(received)
      await waitUntil(`${String(text)} arrives`, matches)
      return received
    },
    isClosed: () => closed,
    close: () => void socket.destroy(),
  }
}

interface Head {
  readonly path?: string
  readonly method?: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string | number>>
}

/** Returns the request line and the headers of a webhook. */
export function webhookHead({
  path = '/webhook',
  method = 'POST',
  query = signedQuery(),
  headers = {},
}: Head = {}): string {
  const parameters = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  const target = `${path}?${new URLSearchParams(parameters).toString()}`
  const lines = Object.entries({ Host: 'test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}
