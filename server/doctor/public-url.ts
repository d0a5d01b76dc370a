import { randomBytes } from 'node:crypto'
import { request as requestPlain } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestSecure } from 'node:https'
import { reasonOf } from '../../shared/errors.ts'
import type { DoctorResponse, RequestSeen } from '../../shared/http-api/doctor.ts'
import { parseRecord } from '../../shared/json.ts'
import { OWN_CALL, signed } from '../receiver/provider-call.ts'

/** What came back of a request, or why nothing did. */
export type Answer =
  | {
      readonly status: number
      readonly headers: IncomingMessage['headers']
      /** Its first bytes. */
      readonly text: string
      /** Until the first byte of the body. */
      readonly firstByteMs: number
    }
  | { readonly failure: string }

/** How a gateway is reached from outside, through what is in front of it. */
export interface PublicUrlFacts {
  readonly url: string
  readonly plain: Answer
  readonly webSocket: Answer
  /** Undefined without a token. */
  readonly stream: Answer | undefined
  readonly longRequest: Answer
  readonly webhook: Answer
  readonly largeWebhook: Answer
  readonly seen: RequestSeen | undefined
}

interface ProbeOptions {
  /** Without a slash at its end. */
  readonly url: string
  /** Undefined if there is none: what needs it is left out. */
  readonly token: string | undefined
  readonly webhookPath: string
  readonly app: string
  readonly webhookToken: string | undefined
}

const TIMEOUT_MS = 5_000
const MAX_TEXT = 64 * 1024
/** What every proxy must let through; `deployment.md` says why. */
const LONG_LINE = 30 * 1024
const LARGE_BODY = 240 * 1024

/** Sends a few requests through the public address, none of which changes anything. Never rejects. */
export async function probePublicUrl(options: ProbeOptions): Promise<PublicUrlFacts> {
  const { url, token } = options
  const authorized = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const plain = await send(`${url}/client.json`)
  if ('failure' in plain) {
    const none = { failure: plain.failure }
    return {
      url,
      plain,
      webSocket: none,
      stream: none,
      longRequest: none,
      webhook: none,
      largeWebhook: none,
      seen: undefined,
    }
  }
  const [webSocket, stream, longRequest, webhook, largeWebhook, seen] = await Promise.all([
    send(`${url}/socket.io/?EIO=4&transport=websocket`, {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      },
    }),
    token === undefined
      ? undefined
      : send(`${url}/v1/stream?feed=true`, { headers: { ...authorized, 'Accept-Encoding': 'gzip, br' } }),
    send(`${url}/client.json?doctor=${'x'.repeat(LONG_LINE)}`, {
      headers: { 'X-Doctor': 'x'.repeat(12_000) },
    }),
    sendWebhook(options, 0),
    sendWebhook(options, LARGE_BODY),
    token === undefined ? undefined : readSeen(url, authorized),
  ])
  return { url, plain, webSocket, stream, longRequest, webhook, largeWebhook, seen }
}

/** A call of our own, of a command that means nothing to the gateway, and that no backend gets. */
function sendWebhook(
  { url, webhookPath, app, webhookToken }: ProbeOptions,
  padding: number,
): Promise<Answer> {
  const query = new URLSearchParams({ CallbackCommand: 'State.StateChange', contenttype: 'json' })
  const body = JSON.stringify({
    CallbackCommand: 'State.StateChange',
    ...(padding > 0 && { Doctor: 'x'.repeat(padding) }),
  })
  return send(
    `${url}${webhookPath === '/' ? '' : webhookPath}?${signed(query, { app, token: webhookToken }).toString()}`,
    { method: 'POST', headers: { ...OWN_CALL, 'Content-Type': 'application/json' } },
    body,
  )
}

async function readSeen(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<RequestSeen | undefined> {
  const answer = await send(`${url}/v1/doctor`, { headers }, undefined, Infinity)
  if ('failure' in answer || answer.status !== 200) return undefined
  return (parseRecord(answer.text) as DoctorResponse | undefined)?.seen
}

interface SendOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Resolves once something of the answer is there; with all of it if `maxBytes` is Infinity. */
function send(url: string, options: SendOptions = {}, body?: string, maxBytes = 0): Promise<Answer> {
  return new Promise((resolve) => {
    const startMs = performance.now()
    const target = new URL(url)
    const request = (target.protocol === 'https:' ? requestSecure : requestPlain)(target, {
      ...options,
      headers: {
        ...options.headers,
        ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
      },
      agent: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const fail = (error: unknown): void =>
      resolve({
        failure:
          error instanceof Error && error.name === 'AbortError'
            ? `no answer in ${TIMEOUT_MS / 1_000} s`
            : reasonOf(error),
      })
    const finish = ({ statusCode = 0, headers }: IncomingMessage, text: string): void => {
      resolve({ status: statusCode, headers, text, firstByteMs: performance.now() - startMs })
      request.destroy()
    }
    request.once('error', fail)
    request.once('upgrade', (response) => finish(response, ''))
    request.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('error', fail)
      response.on('data', (chunk: string) => {
        text += chunk
        const isEnough = text.length > maxBytes && !isJson(response)
        if (isEnough || text.length > MAX_TEXT * 16) finish(response, text.slice(0, MAX_TEXT))
      })
      response.once('end', () => finish(response, text))
    })
    request.end(body)
  })
}

const isJson = ({ headers }: IncomingMessage): boolean => /json/.test(headers['content-type'] ?? '')
