import type { Agent, IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { world } from './world.ts'
import type { SimProcess } from './schedule.ts'

const require = createRequire(import.meta.url)

/** Node's own keeps an idle connection for 4 s. */
const KEEP_ALIVE_MS = 4_000

const agents = new WeakMap<SimProcess, Agent>()

const failed = (cause: unknown): Error => new TypeError('fetch failed', { cause })

/** Stands in for Node's `fetch`, which has a network and timers of its own: what the project uses of it, without redirects. */
async function simulatedFetch(target: string | URL, options: RequestInit = {}): Promise<Response> {
  // Loaded here: it takes the timers that it finds.
  const { Agent: HttpAgent, request } = require('node:http') as typeof import('node:http')
  const { method = 'GET', body, redirect = 'follow', signal } = options
  const url = new URL(target)
  if (url.protocol !== 'http:') throw failed(new Error('the simulation speaks HTTP without TLS'))
  signal?.throwIfAborted()
  const { current } = world.schedule
  let agent = agents.get(current)
  if (agent === undefined) {
    agent = new HttpAgent({ keepAlive: true, timeout: KEEP_ALIVE_MS })
    agents.set(current, agent)
  }
  const headers = Object.fromEntries(new Headers(options.headers))
  const content = body == null ? undefined : Buffer.from(body as string)
  if (content) headers['content-length'] = String(content.length)

  return new Promise<Response>((resolve, reject) => {
    let response: IncomingMessage | undefined
    const call = request(url, { method, headers: { accept: '*/*', ...headers }, agent })
    const onAbort = (): void => {
      reject(signal?.reason as Error)
      response?.destroy(signal?.reason as Error)
      call.destroy()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    call.once('close', () => signal?.removeEventListener('abort', onAbort))
    call.on('error', (error) => reject(failed(error)))
    // Idle connections time out, calls do not.
    call.setTimeout(0)
    call.once('response', (incoming) => {
      response = incoming
      const { statusCode: status = 0 } = incoming
      if (status >= 300 && status < 400 && status !== 304 && redirect !== 'manual') {
        call.destroy()
        return reject(failed(new Error('unexpected redirect')))
      }
      resolve(toResponse(incoming, status))
    })
    call.end(content)
  })
}

function toResponse(incoming: IncomingMessage, status: number): Response {
  const headers = new Headers()
  for (let i = 0; i < incoming.rawHeaders.length; i += 2)
    headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '')
  const isEmpty = status === 204 || status === 205 || status === 304
  if (isEmpty) incoming.resume()
  const body = isEmpty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>)
  return new Response(body, { status, headers })
}

export const replaceFetch = (): void => void Object.assign(globalThis, { fetch: simulatedFetch })
