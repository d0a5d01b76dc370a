import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

interface FakeRequest {
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A response with a status and a body, or no response at all. */
type FakeResponse = { readonly status?: number; readonly body: unknown } | 'nothing'

/** Starts an HTTP server on loopback that stands in for the app's or the provider's. `requests` records what it receives. */
export async function startFakeServer(
  respond: (request: FakeRequest) => FakeResponse | Promise<FakeResponse>,
) {
  const requests: FakeRequest[] = []
  const server = createServer((incoming, outgoing) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (part: string) => (body += part))
    incoming.on('end', () => {
      const request = { url: new URL(incoming.url ?? '', 'http://fake'), headers: incoming.headers, body }
      requests.push(request)
      void Promise.resolve(respond(request)).then((response) => {
        if (response === 'nothing') return
        outgoing.writeHead(response.status ?? 200, { 'Content-Type': 'application/json' })
        outgoing.end(typeof response.body === 'string' ? response.body : JSON.stringify(response.body))
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    stop(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}
