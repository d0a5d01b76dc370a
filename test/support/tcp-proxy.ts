import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Of what is sent. */
type Direction = 'to client' | 'to server' | 'both'
/** What a new connection meets: the server; a host that takes the connection and is silent; nobody who listens. */
type Newcomers = 'forward' | 'swallow' | 'refuse'

export interface TcpProxy {
  readonly port: number
  /** The ports of the servers to which connections lead. */
  servers(): number[]
  /** How many connections the server has through the proxy. A connection that was swallowed counts until its end closes it. */
  serverConnections(): number
  /**
   * Makes open connections half-open: what is sent from now on is lost, and neither end learns that the other has closed, or
   * only one of the two. `sent` selects connections over which the client has sent this text. Returns how many were selected.
   */
  swallow(options?: { readonly direction?: Direction; readonly sent?: string }): number
  /** From now on, does so to each connection as soon as the client sends this text over it, before the answer; with undefined, no more. */
  swallowOnceSent(text: string | undefined, direction?: Direction): void
  /** From now on, everything arrives this much later, in order. */
  delay(ms: number): void
  /** New connections lead to this server alone. */
  leadTo(target: number): void
  /** Closes all connections on both ends, with FIN or RST. New ones are not affected. */
  cut(how?: 'FIN' | 'RST'): void
  /** Open connections are not affected. */
  setNewcomers(newcomers: Newcomers): Promise<void>
  stop(): void
}

/** One direction of a connection. */
interface Line {
  readonly from: Socket
  readonly to: Socket
  isSwallowed: boolean
  /** Resolves once everything so far has been passed on. */
  passed: Promise<void>
}

interface Pair {
  readonly toServer: Line
  readonly toClient: Line
  sent: string
}

/**
 * Starts a proxy between clients and a server on loopback, to simulate network failures. With several servers, each connection
 * leads to the next one.
 */
export async function startTcpProxy(...targets: number[]): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  let newcomers: Newcomers = 'forward'
  let delayMs = 0
  let turn = 0

  const createLine = (from: Socket, to: Socket): Line => {
    const line: Line = { from, to, isSwallowed: false, passed: Promise.resolve() }
    const pass = (step: () => void): void => {
      if (line.isSwallowed) return
      const arrivesAtMs = performance.now() + delayMs
      line.passed = line.passed.then(async () => {
        const leftMs = arrivesAtMs - performance.now()
        if (leftMs > 0) await delay(leftMs)
        if (!line.isSwallowed) step()
      })
    }
    from.on('data', (bytes: Buffer) =>
      pass(() => {
        if (to.write(bytes)) return
        from.pause()
        to.once('drain', () => from.resume())
      }),
    )
    from.on('end', () => pass(() => void to.end()))
    from.on('error', () => pass(() => void to.resetAndDestroy()))
    from.on('close', () => pass(() => to.destroySoon()))
    return line
  }

  let fatal: { readonly text: string; readonly direction: Direction } | undefined
  const listener = createServer({ noDelay: true }, (client) => {
    const port = targets[turn++ % targets.length] ?? 0
    const server = createConnection({ port, host: '127.0.0.1', noDelay: true })
    const pair = { toServer: createLine(client, server), toClient: createLine(server, client), sent: '' }
    if (newcomers === 'swallow') swallowLines(pair, 'both')
    client.on('data', (bytes) => {
      pair.sent += bytes.toString('latin1')
      if (fatal !== undefined && pair.sent.includes(fatal.text)) swallowLines(pair, fatal.direction)
    })
    pairs.add(pair)
    client.on('close', () => server.destroyed && pairs.delete(pair))
    server.on('close', () => client.destroyed && pairs.delete(pair))
  })
  const cut: TcpProxy['cut'] = (how = 'FIN') => {
    for (const { toServer, toClient } of pairs) {
      for (const { from } of [toServer, toClient]) how === 'RST' ? from.resetAndDestroy() : from.destroy()
    }
  }
  const listen = async (port: number): Promise<void> => {
    listener.listen(port, '127.0.0.1')
    await once(listener, 'listening')
  }
  await listen(0)
  const { port } = listener.address() as AddressInfo

  return {
    port,
    servers: () => [...pairs].map(({ toServer }) => toServer.to.remotePort ?? 0),
    serverConnections: () => [...pairs].filter(({ toServer }) => !toServer.to.destroyed).length,
    swallow({ direction = 'both', sent = '' } = {}) {
      const found = [...pairs].filter((pair) => !pair.toServer.from.destroyed && pair.sent.includes(sent))
      for (const pair of found) swallowLines(pair, direction)
      return found.length
    },
    swallowOnceSent: (text, direction = 'both') => {
      fatal = text === undefined ? undefined : { text, direction }
    },
    leadTo: (target) => void targets.splice(0, Infinity, target),
    delay: (ms) => void (delayMs = ms),
    cut,
    async setNewcomers(next) {
      if (next === 'refuse') listener.close()
      else if (!listener.listening) await listen(port)
      newcomers = next
    },
    stop() {
      listener.close()
      cut()
    },
  }
}

function swallowLines({ toServer, toClient }: Pair, direction: Direction): void {
  if (direction !== 'to client') toServer.isSwallowed = true
  if (direction !== 'to server') toClient.isSwallowed = true
}
