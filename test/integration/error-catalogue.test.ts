import express from 'express'
import { expect } from 'chai'
import { pino } from 'pino'
import { SignJWT, generateKeyPair } from 'jose'
import { createHttpServer } from '../../server/http/server.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { createRefusals } from '../../server/telemetry/refusals.ts'
import { ERRORS } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import type { ErrorResponse } from '../../shared/http-api.ts'
import { cleanUpAfterAll } from '../support/clean-up.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { startFakeServer } from '../support/fake-server.ts'
import { APP, runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { UNPRESSED } from '../support/unpressed.ts'
import { openRaw } from '../support/raw-connection.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

/** What a caller was told, and where to look for the count and the line in the log. */
interface Refusal {
  readonly gateway: Pick<GatewayProcess, 'url' | 'output'>
  readonly entrance: string
  readonly code: unknown
  readonly message: unknown
  /** Undefined where the protocol has no place for it: webhooks. */
  readonly retry: unknown
}

const ROOM = { group: 'lobby' }
const memberToken = () => makeToken({ rooms: [ROOM] })

describe('the error catalogue', () => {
  const onCleanUp = cleanUpAfterAll()
  /** Asks a backend that fails about memberships. */
  let main: GatewayProcess
  /** Has room for one socket, cannot load keys, and accepts webhooks from elsewhere only. */
  let strict: GatewayProcess
  /** Has room for one socket of an address, and takes long to stop. */
  let single: GatewayProcess
  /** Knows rooms from tokens only. */
  let grants: GatewayProcess
  /** Its Redis does not respond, and its spool is full. */
  let stalled: GatewayProcess

  before(async () => {
    const backend = await startFakeServer(() => ({ status: 500, body: '' }))
    const redis = await startRedis()
    onCleanUp(backend.stop)
    onCleanUp(redis.stop)
    ;[main, strict, stalled, grants, single] = await Promise.all([
      startGatewayProcess({ AUTHORIZE_URL: backend.url, AUTHORIZE_SECRET: 'a'.repeat(32) }),
      startGatewayProcess({
        MAX_SOCKETS: '1',
        JWKS_URL: 'http://127.0.0.1:1/keys',
        WEBHOOK_ALLOW: '203.0.113.0/24',
      }),
      startGatewayProcess({ REDIS_URL: redis.url, SPOOL_MAX_BYTES: '1000' }),
      startGatewayProcess(),
      startGatewayProcess({ MAX_SOCKETS_PER_ADDRESS: '1', DRAIN_MS: '20000' }),
    ])
    for (const { stop } of [main, strict, stalled, grants, single]) onCleanUp(stop)
    redis.signal('SIGSTOP')
  })

  const webhook = async (
    gateway: GatewayProcess,
    call: Parameters<typeof postWebhook>[1],
  ): Promise<Refusal> => {
    const { body } = await postWebhook(gateway.url, call)
    const [, code, message] = /^(\w+): (.*)$/s.exec(body.ErrorInfo) ?? []
    return { gateway, entrance: 'webhook', code, message, retry: undefined }
  }
  const http = async (gateway: Refusal['gateway'], path: string, token?: string): Promise<Refusal> => {
    const { body, headers } = await get(gateway.url, path, token)
    if (body['retry'] === true) expect(Number(headers.get('Retry-After'))).to.be.above(0)
    return { gateway, entrance: 'http', code: body['code'], message: body['message'], retry: body['retry'] }
  }
  const handshake = async (
    gateway: GatewayProcess,
    token: string,
    protocolVersion?: number,
  ): Promise<Refusal> => {
    const error = await connect(gateway.url, undefined, { auth: { token, protocolVersion } }).then(
      () => new Error('accepted'),
      (refusal: unknown) => refusal as Error & { readonly data?: Readonly<Record<string, unknown>> },
    )
    const data = 'data' in error ? error.data : undefined
    return {
      gateway,
      entrance: 'handshake',
      message: error.message,
      code: data?.['code'],
      retry: data?.['retry'],
    }
  }
  /** Sends the same request until it is refused, at most `times`, all at once. */
  const socket = async (
    gateway: GatewayProcess,
    token: string,
    payload: (i: number) => unknown,
    times = 1,
  ): Promise<Refusal> => {
    const client = await connect(gateway.url, token)
    try {
      const responses = await Promise.all(Array.from({ length: times }, (_, i) => client.request(payload(i))))
      const refusal = responses.find((response) => !response.ok)
      const { code, message, retry } = refusal?.ok === false ? refusal : expect.fail('nothing was refused')
      return { gateway, entrance: 'socket', code, message, retry }
    } finally {
      client.close()
    }
  }
  /** Enters rooms until no more are granted, within the other limits of a socket. */
  const fillSocket = async (): Promise<Refusal> => {
    const client = await connect(main.url, await adminToken())
    onCleanUp(client.close)
    for (let i = 0; i < 1_000; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, j) => client.request({ group: `g${i + j}` })))
    }
    let more = 0
    const refusal = await waitUntil('a room is refused for good', async () => {
      const response = await client.request({ group: `one more ${more++}` })
      return !response.ok && !response.retry && response
    })
    const { code, message, retry } = refusal
    return { gateway: main, entrance: 'socket', code, message, retry }
  }
  /** What a command prints when it fails. */
  const command = async (args: readonly string[], settings: Readonly<Record<string, string>>) => {
    const { exited, output } = runGateway(args, settings)
    expect(await exited).to.equal(1)
    const [, code, message] = /recall-gateway: (\w+): (.*)/.exec(output()) ?? []
    return { code, message }
  }

  /** Runs the HTTP server of the gateway in this process, with a route that throws what no code expects. */
  const broken = async (): Promise<Refusal> => {
    const metrics = createMetrics()
    const lines: string[] = []
    const log = pino(
      { formatters: { level: (label) => ({ level: label }) } },
      { write: (line) => void lines.push(line) },
    )
    const failing = express.Router().get('/broken', () => {
      throw new Error('secret of the inside')
    })
    const none = {
      quarantined: () => undefined,
      powerCut: () => 'nothing' as const,
      sockets: () => 0,
      streams: () => 0,
      rooms: () => 0,
      maxBufferedBytes: () => 0,
      memory: () => ({ waitingBytes: 0, budgetBytes: 0, pressedMs: 0 }),
      probeAgeMs: () => 0,
      delivery: () => undefined,
    }
    const server = createHttpServer(
      {
        host: '127.0.0.1',
        port: 0,
        keepAliveMs: 1_000,
        maxConnections: 10,
        maxPerAddress: 10,
        tls: undefined,
      },
      {
        handlers: [],
        webSockets: undefined,
        isProxy: () => false,
        memory: UNPRESSED,
        metrics,
        routers: [
          failing,
          metrics.createRouter(
            {
              gauges: {
                ...none,
                relay: () => undefined,
                spoolDepth: () => undefined,
                copies: () => undefined,
              },
              process: {
                version: '0',
                role: 'all',
                id: 'id',
                isReady: () => true,
                limits: { maxSockets: 0, spoolMaxBytes: 0, relayQueueMaxBytes: 0 },
              },
              readProblems: async () => [],
            },
            () => true,
          ),
        ],
        refusals: createRefusals(metrics, log),
        log,
      },
    )
    const port = await server.start()
    onCleanUp(server.stop)
    const url = `http://127.0.0.1:${port}`
    const refusal = await http({ url, output: () => lines.join('') }, '/broken')
    expect(refusal.message).to.not.include('secret')
    return refusal
  }

  /** Sends this on a connection of its own, and reads the error in the response. */
  const raw = async (gateway: GatewayProcess, entrance: string, text: string): Promise<Refusal> => {
    const connection = await openRaw(gateway.port)
    onCleanUp(() => connection.socket.destroy())
    connection.socket.write(text)
    const { received, isClosed } = connection
    await waitUntil('it is refused', () => isClosed() || received().includes('}'))
    const { code, message, retry } = JSON.parse(/\{.*\}/.exec(received())?.[0] ?? '{}') as ErrorResponse
    return { gateway, entrance, code, message, retry }
  }
  const openSocket = (headers = ''): string =>
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n${headers}\r\n`

  const expired = { ...signedQuery('Group.CallbackAfterRecallMsg', 1_000_000_000) }
  const REFUSALS: Readonly<
    Record<Exclude<ErrorCode, CommandCode | ProxyCode | 'TLS_FAILED'>, () => Promise<Refusal>>
  > = {
    METHOD_NOT_ALLOWED: () => webhook(main, { method: 'GET' }),
    BODY_TOO_LARGE: () => webhook(main, { body: 'x'.repeat(300_000) }),
    BODY_UNREADABLE: () => webhook(main, { headers: { 'Content-Encoding': 'gzip' } }),
    ADDRESS_REFUSED: () => webhook(strict, {}),
    APP_NOT_OURS: () => webhook(main, { query: { ...signedQuery(), SdkAppid: '1' } }),
    WEBHOOK_FORGED: () => webhook(main, { query: { ...signedQuery(), Sign: '0'.repeat(64) } }),
    WEBHOOK_STALE: () => webhook(main, { query: expired }),
    WEBHOOK_MALFORMED: () => webhook(main, { body: recallBody({ MsgSeqList: 'none' }) }),
    RELAY_LOOP: () => webhook(main, { headers: { 'Recall-Gateway': APP } }),
    NOT_KEPT: async () => {
      const body = (seq: number) => recallBody({ MsgSeqList: [{ MsgSeq: seq, MsgId: 'x'.repeat(250) }] })
      const posts = Array.from({ length: 10 }, (_, i) => webhook(stalled, { body: body(i + 1) }))
      return (await Promise.all(posts)).find(({ code }) => code !== undefined) ?? expect.fail('all stored')
    },
    BROKER_UNAVAILABLE: async () => http(stalled, '/v1/position?group=lobby', await memberToken()),
    TOKEN_REFUSED: () => http(main, '/v1/position?group=lobby'),
    TOKEN_EXPIRED: async () => handshake(main, await makeToken({ ttlS: -1 })),
    USER_DISCONNECTED: async () => {
      await postDisconnect(main.url, await adminToken(), { userId: 'banned' })
      return handshake(main, await makeToken({ sub: 'banned', rooms: [ROOM] }))
    },
    ADMIN_NEEDED: async () => http(main, '/v1/status', await memberToken()),
    KEYS_UNAVAILABLE: async () => {
      const { privateKey } = await generateKeyPair('ES256')
      const token = new SignJWT({ sub: 'u' }).setProtectedHeader({ alg: 'ES256', kid: 'k' })
      return handshake(strict, await token.setExpirationTime('5m').sign(privateKey))
    },
    NODE_FULL: async () => {
      const first = await connect(strict.url, await memberToken())
      const refusal = await http(strict, '/v1/stream?group=lobby', await memberToken())
      first.close()
      return refusal
    },
    TOO_MANY_CONNECTIONS: async () => {
      const first = await connect(single.url, await memberToken())
      const refusal = await raw(single, 'handshake', openSocket())
      first.close()
      return refusal
    },
    NODE_DRAINING: async () => {
      single.signal('SIGTERM')
      await waitUntil('it stops', async () => (await fetch(`${single.url}/readyz`)).status === 503)
      return raw(single, 'handshake', openSocket())
    },
    ORIGIN_REFUSED: () => raw(main, 'handshake', openSocket('Origin: https://else.where\r\n')),
    REQUEST_TIMEOUT: () => raw(main, 'http', 'GET / HTTP/1.1\r\n'),
    HEADERS_TOO_LARGE: () => raw(main, 'http', `GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`),
    // Last at this gateway, which refuses the address from then on.
    TOO_MANY_FAILURES: async () => {
      for (let i = 0; i < 30; i++) await http(strict, '/v1/position?group=lobby', 'a.b.c')
      return handshake(strict, 'a.b.c')
    },
    MEMBERSHIP_UNKNOWN: async () => socket(main, await makeToken(), () => ROOM),
    ROOM_REFUSED: async () => socket(grants, await makeToken({ rooms: [] }), () => ROOM),
    REQUEST_MALFORMED: async () => socket(main, await memberToken(), () => ({ group: 7 })),
    VERSION_UNSUPPORTED: async () => handshake(main, await memberToken(), 99),
    TOO_MANY_ROOMS: fillSocket,
    TOO_MANY_REQUESTS: async () => socket(main, await memberToken(), () => ROOM, 500),
    NOT_FOUND: () => http(main, '/nowhere'),
    NOT_IN_QUARANTINE: async () => http(main, '/v1/quarantine/1', await adminToken()),
    EVIDENCE_KEY_MISSING: async () => http(main, '/v1/evidence', await adminToken()),
    PROCESS_UNREACHABLE: async () => http(main, `/v1/quarantine/${'0'.repeat(36)}-1`, await adminToken()),
    INTERNAL: broken,
  }

  /** Told by the proxy alone: `test/multi-node/proxy-chain.test.ts`. */
  type ProxyCode = 'NODE_UNREACHABLE'
  type CommandCode = 'SEND_FAILED' | 'CONFIG_INVALID' | 'START_FAILED'
  const COMMANDS: Readonly<Record<CommandCode, () => ReturnType<typeof command>>> = {
    SEND_FAILED: () =>
      command(['send', '--url', 'http://127.0.0.1:1', '--group', 'g', '--seqs', '1'], {
        SDK_APP_ID: '1',
        WEBHOOK_TOKEN: 't',
      }),
    CONFIG_INVALID: () => command(['start'], {}),
    START_FAILED: () => command(['start', '--dev'], { PORT: '0', DATA_DIR: '/proc/x' }),
  }
  for (const [code, provoke] of Object.entries(REFUSALS)) {
    it(`${code} is told, logged and counted`, async () => {
      const { gateway, entrance, message, ...told } = await provoke()
      const { text, retry } = ERRORS[code as ErrorCode]
      expect(told).to.deep.equal({ code, retry: entrance === 'webhook' ? undefined : retry })
      expect(message).to.be.a('string').that.includes(text)
      const label = `recall_gateway_refusals_total{entrance="${entrance}",code="${code}"}`
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
      expect(metrics.split('\n').filter((line) => line.startsWith(label))).to.have.length(1)
      const isLogged = (line: string): boolean =>
        line.includes(`"entrance":"${entrance}","code":"${code}"`) && line.includes(text)
      await waitUntil('the refusal is logged', () => gateway.output().split('\n').some(isLogged))
    })
  }

  for (const [code, provoke] of Object.entries(COMMANDS)) {
    it(`${code} is printed`, async () => {
      const { code: printed, message } = await provoke()
      expect(printed).to.equal(code)
      expect(message).to.include(ERRORS[code as ErrorCode].text)
    })
  }
})
