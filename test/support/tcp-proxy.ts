import { createConnection, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /**
   * Stops forwarding, in both directions, on the connections over which the client has sent this text. They stay open.
   * Returns their number.
   */
  blackhole(sent: string): number
  /** Closes all connections, but accepts new ones. */
  cut(): void
  stop(): void
}

/** Starts a proxy between a client and a server on loopback, to simulate network failures. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const pairs: { readonly client: Socket; readonly server: Socket; sent: string }[] = []
  const listener = createServer((client) => {
    const server = createConnection({ port: target, host: '127.0.0.1' })
    const pair = { client, server, sent: '' }
    pairs.push(pair)
    client.on('data', (bytes) => (pair.sent += bytes.toString('latin1')))
    client.pipe(server)
    server.pipe(client)
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => undefined).on('close', () => other.destroy())
    }
  })
  const cut = (): void => {
    for (const { client, server } of pairs.splice(0)) {
      client.destroy()
      server.destroy()
    }
  }
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as AddressInfo).port,
    blackhole(sent) {
      const found = pairs.filter((pair) => !pair.client.destroyed && pair.sent.includes(sent))
      for (const { client, server } of found) {
        client.unpipe(server).pause()
        server.unpipe(client).pause()
      }
      return found.length
    },
    cut,
    stop() {
      listener.close()
      cut()
    },
  }
}
