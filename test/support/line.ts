import { createConnection, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** Which of the connections, and which of their directions. */
interface Part {
  /** Only connections over which the client has sent this text. Default: all. */
  readonly sent?: string
  /** Default: both. */
  readonly to?: End
}

type End = 'client' | 'server'

export interface Line {
  readonly port: number
  readonly url: string
  /** The servers that connections lead to now. */
  servers(): number[]
  /** Closes all connections. New ones are accepted. */
  cut(): void
  /** From now on, nothing that is sent over the present connections arrives, and nobody is told. New ones work. */
  halfOpen(): void
  /** Nothing arrives, also on new connections, until `resume`. Nothing is dropped and nothing is closed. */
  stall(part?: Part): void
  resume(): void
  /** Everything takes this long from now on, in each direction. */
  delay(ms: number): void
  stop(): void
}

interface Connection {
  readonly client: Socket
  readonly server: Socket
  readonly port: number
  sent: string
  isHalfOpen: boolean
}

/** What the client sends in the beginning tells what the connection is for. */
const MAX_SENT_CHARS = 10_000

/**
 * A line between clients and the first of several servers on loopback that accepts a connection. It fails on demand, as
 * networks do. Each new connection begins at the next server.
 */
export async function startLine(ports: readonly number[]): Promise<Line> {
  const connections = new Set<Connection>()
  let turn = 0
  let delayMs = 0
  let stalled: Part | undefined
  /** What was sent earlier arrives earlier, also when the delay has changed. */
  let dueMs = 0

  const isStalled = ({ sent }: Connection, to: End): boolean =>
    stalled !== undefined && (stalled.to ?? to) === to && sent.includes(stalled.sent ?? '')

  function forward(connection: Connection, to: End): void {
    const [from, into] = to === 'server' ? [connection.client, connection.server] : [connection.server, connection.client]
    const write = (bytes: Buffer): void => {
      if (connection.isHalfOpen || into.destroyed) return
      if (!into.write(bytes)) from.pause()
    }
    from.on('data', (bytes: Buffer) => {
      if (to === 'server' && connection.sent.length < MAX_SENT_CHARS) {
        connection.sent += bytes.toString('latin1')
        applyStall(connection)
      }
      if (delayMs === 0 && dueMs < performance.now()) return write(bytes)
      dueMs = Math.max(dueMs, performance.now() + delayMs)
      setTimeout(() => write(bytes), dueMs - performance.now())
    })
    into.on('drain', () => {
      if (!isStalled(connection, to)) from.resume()
    })
    from.on('error', () => undefined)
    from.on('close', () => {
      // The other end of a half-open connection is never told.
      if (connection.isHalfOpen) return
      into.destroy()
      connections.delete(connection)
    })
  }

  function applyStall(connection: Connection): void {
    for (const to of ['client', 'server'] as const) {
      const from = to === 'server' ? connection.client : connection.server
      if (isStalled(connection, to)) from.pause()
      else from.resume()
    }
  }

  /** Connects to the next server that accepts. */
  function connect(client: Socket, attempts = ports.length): void {
    const port = ports[turn++ % ports.length] ?? 0
    const server = createConnection({ port, host: '127.0.0.1' })
    server.setNoDelay(true)
    server.once('error', () => {
      server.destroy()
      if (attempts > 1 && !client.destroyed) connect(client, attempts - 1)
      else client.destroy()
    })
    server.once('connect', () => {
      server.removeAllListeners('error')
      const connection = { client, server, port, sent: '', isHalfOpen: false }
      connections.add(connection)
      forward(connection, 'server')
      forward(connection, 'client')
      client.resume()
      if (client.destroyed) server.destroy()
    })
  }

  const listener = createServer({ pauseOnConnect: true }, (client) => {
    client.setNoDelay(true)
    client.on('error', () => undefined)
    connect(client)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo

  const cut = (): void => {
    for (const { client, server } of connections) {
      client.destroy()
      server.destroy()
    }
    connections.clear()
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    servers: () => [...connections].map((connection) => connection.port),
    cut,
    halfOpen() {
      for (const connection of connections) connection.isHalfOpen = true
    },
    stall(part = {}) {
      stalled = part
      for (const connection of connections) applyStall(connection)
    },
    resume() {
      stalled = undefined
      for (const connection of connections) applyStall(connection)
    },
    delay(ms) {
      delayMs = ms
    },
    stop() {
      listener.close()
      cut()
    },
  }
}
