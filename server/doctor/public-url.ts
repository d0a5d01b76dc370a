import { randomBytes } from 'node:crypto'
import { request as requestPlain } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIPv4 } from 'node:net'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
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
      /** With TLS: when the certificate expires that was shown. */
      readonly certificateEndsAtMs?: number
    }
  | { readonly failure: string }

/** How a gateway is reached from outside, through what is in front of it. */
export interface PublicUrlFacts {
  readonly url: string
  readonly plain: Answer
  readonly webSocket: Answer
  /** Undefined without a token, or where none may go: see `isTrusted`. */
  readonly stream: Answer | undefined
  /** After how long a stream that nothing happened on was ended, in ms; undefined if it was not. */
  readonly streamCutAfterMs: number | undefined
  readonly longRequest: Answer
  /** Undefined where nothing signed may go. */
  readonly webhook: Answer | undefined
  readonly largeWebhook: Answer | undefined
  /** Whether what answers is a gateway, and nobody reads on the way: otherwise it gets no token and no signature. */
  readonly isTrusted: boolean
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
  /** How often something is sent on a stream, in ms. */
  readonly heartbeatMs: number
}

const TIMEOUT_MS = 5_000
const MAX_TEXT = 64 * 1024
/** Of heartbeats: after so many, nothing that ends quiet streams would have waited. */
const HELD_FOR = 1.25
/** Timers may fire early. */
const EARLY_MS = 100
/** What every proxy must let through; `deployment.md` says why. */
const LONG_LINE = 30 * 1024
const LARGE_BODY = 240 * 1024

/** Sends a few requests through the public address, none of which changes anything. Never rejects. */
export async function probePublicUrl(options: ProbeOptions): Promise<PublicUrlFacts> {
  const { url, heartbeatMs } = options
  const plain = await send(`${url}/client.json`)
  if ('failure' in plain) {
    const none = { failure: plain.failure }
    return {
      url,
      plain,
      webSocket: none,
      stream: undefined,
      streamCutAfterMs: undefined,
      longRequest: none,
      webhook: undefined,
      largeWebhook: undefined,
      isTrusted: false,
      seen: undefined,
    }
  }
  const isTrusted = isPrivateWay(url) && isGateway(plain)
  const token = isTrusted ? options.token : undefined
  const authorized = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const streamUrl = `${url}/v1/stream?feed=true`
  const [webSocket, stream, streamCutAfterMs, longRequest, webhook, largeWebhook, seen] = await Promise.all([
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
      : send(streamUrl, { headers: { ...authorized, 'Accept-Encoding': 'gzip, br' } }),
    token === undefined ? undefined : cutAfter(streamUrl, authorized, HELD_FOR * heartbeatMs),
    send(`${url}/client.json?doctor=${'x'.repeat(LONG_LINE)}`, {
      headers: { 'X-Doctor': 'x'.repeat(12_000) },
    }),
    isTrusted ? sendWebhook(options, 0) : undefined,
    isTrusted ? sendWebhook(options, LARGE_BODY) : undefined,
    token === undefined ? undefined : readSeen(url, authorized),
  ])
  return {
    url,
    plain,
    webSocket,
    stream,
    streamCutAfterMs,
    longRequest,
    webhook,
    largeWebhook,
    isTrusted,
    seen,
  }
}

/** A name can begin like an address. */
const isLoopback = (hostname: string): boolean => isIPv4(hostname) && hostname.startsWith('127.')

/** Whether nobody on the way to this address can read along. */
function isPrivateWay(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || isLoopback(hostname)
}

/** A page of somebody else, as behind a misspelt name, knows no client of ours. */
function isGateway(answer: Answer): boolean {
  if ('failure' in answer || answer.status !== 200) return false
  const { version, file, integrity } = parseRecord(answer.text) ?? {}
  return [version, file, integrity].every((one) => typeof one === 'string')
}

/** Resolves to how long a stream lived that was ended before this time, in ms; to undefined if it lived on. */
function cutAfter(
  url: string,
  headers: Readonly<Record<string, string>>,
  forMs: number,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const startMs = performance.now()
    const request = requestTo(url, { headers, agent: false, signal: AbortSignal.timeout(forMs) })
    const finish = (): void => {
      const livedMs = performance.now() - startMs
      resolve(livedMs < forMs - EARLY_MS ? livedMs : undefined)
    }
    request.once('response', (response) => response.on('error', finish).once('close', finish).resume())
    request.on('error', finish)
    request.once('close', finish)
    request.end()
  })
}

const requestTo = (url: string, options: RequestOptions): ClientRequest =>
  (/^https:/i.test(url) ? requestSecure : requestPlain)(new URL(url), options)

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
    const request = requestTo(url, {
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
      const firstByteMs = performance.now() - startMs
      resolve({ status: statusCode, headers, text, firstByteMs, ...ofCertificate })
      request.destroy()
    }
    let ofCertificate: { readonly certificateEndsAtMs?: number } = {}
    request.once('socket', (socket) => {
      // By the end of the response, the connection may be gone.
      socket.once('secureConnect', () => (ofCertificate = certificateOf(socket)))
    })
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

function certificateOf(socket: Socket): { readonly certificateEndsAtMs?: number } {
  if (!(socket instanceof TLSSocket)) return {}
  const endMs = Date.parse(socket.getPeerCertificate().valid_to ?? '')
  return Number.isNaN(endMs) ? {} : { certificateEndsAtMs: endMs }
}

const isJson = ({ headers }: IncomingMessage): boolean => /json/.test(headers['content-type'] ?? '')
