import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readBytes } from './read-bytes.ts'

// The program of `startBackend`: the backend of an app, which handles the webhooks of the provider. It checks Sign as the provider
// asks for, and writes every request to a file before it answers, so that a kill does not hide it.

/** What it does with a request. */
export type Behaviour =
  /** Answers, after `delayMs`. `body` may be anything; default: OK, with the SHA-256 of the body. */
  | {
      readonly kind: 'answer'
      readonly status?: number
      readonly type?: string
      readonly body?: string
      /** In the place of `body`, for bytes that are no text. */
      readonly bodyBase64?: string
      readonly headers?: Readonly<Record<string, string>>
      readonly delayMs?: number
    }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Ends the connection, without an answer, or after a part of it. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'half' }
  /** Answers with so many bytes. */
  | { readonly kind: 'large'; readonly bytes: number }

/** A request as it arrived. */
export interface Received {
  readonly method: string
  /** Path and query, byte for byte, each byte as the character with its number. */
  readonly target: string
  /** Names as they were written, and values. */
  readonly rawHeaders: readonly string[]
  readonly bodyBase64: string
  /** `CallbackCommand` of the query. */
  readonly command: string
  readonly atMs: number
}

export interface BackendOptions {
  readonly port: number
  readonly file: string
  /** Undefined: anybody may call. */
  readonly token?: string | undefined
}

/** What its parent tells it. */
export type Order = { readonly behaviour: Behaviour; readonly command?: string }

const DEFAULT: Behaviour = { kind: 'answer' }
const MAX_SKEW_S = 60

function run({ port, file, token }: BackendOptions): void {
  let forAll = DEFAULT
  const byCommand = new Map<string, Behaviour>()
  process.on('message', ({ behaviour, command }: Order) => {
    if (command === undefined) {
      forAll = behaviour
      byCommand.clear()
    } else byCommand.set(command, behaviour)
    process.send?.('done')
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: target = '', rawHeaders } = request
    const query = new URLSearchParams(target.slice(target.indexOf('?') + 1))
    const command = query.get('CallbackCommand') ?? ''
    const body = await readBytes(request)
    const received: Received = {
      method,
      target,
      rawHeaders,
      bodyBase64: body.toString('base64'),
      command,
      atMs: Date.now(),
    }
    appendFileSync(file, `${JSON.stringify(received)}\n`)
    if (token !== undefined && !isSigned(query, token))
      return void response.writeHead(403).end('{"ActionStatus":"FAIL","ErrorInfo":"bad Sign","ErrorCode":1}')
    answer(byCommand.get(command) ?? forAll, body, response)
  }

  // A webhook's query may have any bytes.
  const server = createServer({ insecureHTTPParser: true, keepAliveTimeout: 60_000 }, (request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  server.listen(port, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
}

const isSigned = (query: URLSearchParams, token: string): boolean => {
  const time = query.get('RequestTime') ?? ''
  const sign = createHash('sha256')
    .update(token + time)
    .digest('hex')
  return query.get('Sign') === sign && Math.abs(Date.now() / 1_000 - Number(time)) <= MAX_SKEW_S
}

function answer(behaviour: Behaviour, requestBody: Buffer, response: ServerResponse): void {
  if (behaviour.kind === 'hang') return
  if (behaviour.kind === 'reset') return void response.socket?.resetAndDestroy()
  if (behaviour.kind === 'half') {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 })
    return void response.write('{"ActionStatus":', () => response.destroy())
  }
  if (behaviour.kind === 'large')
    return void response
      .writeHead(200, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ Padding: 'x'.repeat(behaviour.bytes) }))
  const digest = createHash('sha256').update(requestBody).digest('hex')
  const { status = 200, type = 'application/json;charset=UTF-8', delayMs = 0, headers = {} } = behaviour
  const { body = JSON.stringify({ ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0, Digest: digest }) } =
    behaviour
  const { bodyBase64 } = behaviour
  const bytes = bodyBase64 === undefined ? body : Buffer.from(bodyBase64, 'base64')
  setTimeout(() => response.writeHead(status, { 'Content-Type': type, ...headers }).end(bytes), delayMs)
}

if (process.send !== undefined && process.argv[2] !== undefined)
  run(JSON.parse(process.argv[2]) as BackendOptions)
