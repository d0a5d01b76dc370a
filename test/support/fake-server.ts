import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Asked {
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What a request is answered with: a status and a body, or nothing at all. */
type Answer = { readonly status?: number; readonly body: unknown } | 'nothing'

/** Plays a server of others, the app's or the provider's, on loopback. */
export async function startFakeServer(answer: (asked: Asked) => Answer | Promise<Answer>) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      const one = { url: new URL(request.url ?? '', 'http://fake'), headers: request.headers, body }
      asked.push(one)
      void Promise.resolve(answer(one)).then((given) => {
        if (given === 'nothing') return
        response.writeHead(given.status ?? 200, { 'Content-Type': 'application/json' })
        response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body))
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    stop(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}
