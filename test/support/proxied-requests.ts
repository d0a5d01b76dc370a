import { once } from 'node:events'
import { request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import { withTimeout } from './wait.ts'

// Requests with Node's own client, which can choose its address and every header.

/** The path and the headers with which a socket asks to be opened. */
export const HANDSHAKE = '/socket.io/?EIO=4&transport=websocket'
export const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

export interface SentOptions extends RequestOptions {
  readonly body?: string
  /** For a response that takes longer than others. */
  readonly withinMs?: number
}

const request = (url: string, options: RequestOptions) =>
  (url.startsWith('https:') ? requestHttps : requestHttp)(url, { agent: false, ...options })

/** Sends a request on a connection of its own. A connection that becomes a socket is closed. */
export async function send(url: string, { body, withinMs, ...options }: SentOptions = {}) {
  const sent = request(url, options)
  const answered = new Promise<{ response: IncomingMessage; answer: string }>((resolve, reject) => {
    sent.on('error', reject)
    sent.on(
      'response',
      (response) => void text(response).then((answer) => resolve({ response, answer }), reject),
    )
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ response, answer: '' })
    })
  })
  sent.end(body)
  const { response, answer } = await withTimeout('the response arrives', answered, withinMs)
  return { status: response.statusCode, headers: response.headers, body: answer }
}

/** Opens the stream of a group that records when it shows signs of life, and what it tells. */
export async function watchStream(url: string, group: string, token: string, options: RequestOptions = {}) {
  const sent = request(`${url}/v1/stream?group=${group}`, { headers: bearer(token), ...options })
  sent.end()
  const [response] = (await withTimeout('the stream begins', once(sent, 'response'))) as [IncomingMessage]
  const signsAtMs: number[] = []
  let told = ''
  let isOpen = true
  response.setEncoding('utf8').on('data', (part: string) => {
    told += part
    if (part.endsWith(':\n\n')) signsAtMs.push(performance.now())
  })
  response.on('close', () => (isOpen = false)).on('error', () => undefined)
  return { signsAtMs, told: () => told, isOpen: () => isOpen, close: () => sent.destroy() }
}
