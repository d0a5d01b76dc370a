import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { isIdentifier } from '../../shared/identifier.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { JWT_SECRET, startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { encodeFrame } from '../support/web-socket-peer.ts'
import { signedQuery } from '../support/webhook.ts'
import { bytesOf, JSON_TEXTS, NOT_JSON, OPEN_CASES } from './json-cases.ts'
import { expectClosed, openSocket } from './socket-io-peer.ts'

const MAX_CONCURRENT = 16
/** The largest body of a request to the API; the one of a webhook is larger than every case. */
const MAX_API_BYTES = 24 * 1024

interface Case {
  readonly bytes: Buffer
  /** What a reader must make of it. */
  readonly verdict: 'json' | 'not JSON' | 'not UTF-8'
}

const CASES: readonly Case[] = [
  ...Object.values(JSON_TEXTS)
    .flat()
    .map((text) => ({ bytes: bytesOf(text), verdict: 'json' as const })),
  ...Object.values(NOT_JSON)
    .flat()
    .map((text) => ({ bytes: bytesOf(text), verdict: 'not JSON' as const })),
  ...OPEN_CASES.map(({ text, verdict }) => ({ bytes: bytesOf(text), verdict })),
]

const BYTE_ORDER_MARK = '\ufeff'
const startsWithMark = ({ bytes }: Case): boolean => bytes.toString().startsWith(BYTE_ORDER_MARK)
const valueOf = ({ bytes }: Case): unknown => JSON.parse(bytes.toString()) as unknown

const isText = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value)
const isSeq = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1
const isSeqs = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(isSeq) && new Set(value).size === value.length

/** A place where JSON comes in: what stands around a case there, and which values it takes. */
interface Place {
  readonly name: string
  readonly path: string
  readonly around: readonly [string, string]
  readonly takes: (value: unknown) => boolean
  /** Values that may be taken or refused; none if undefined. */
  readonly mayTake?: (value: unknown) => boolean
}

const recall = (fields: string): string =>
  `{"CallbackCommand":"Group.CallbackAfterRecallMsg","Type":"Public","EventTime":1670574414123,${fields}`
const group = '"GroupId":"j"'
const list = '"MsgSeqList":[{"MsgSeq":1}]'

const PLACES: readonly Place[] = [
  { name: 'the body of a webhook', path: '/webhook', around: ['', ''], takes: () => false },
  {
    name: 'an unknown field of a webhook',
    path: '/webhook',
    around: [recall(`${group},${list},"New":`), '}'],
    takes: () => true,
  },
  {
    name: 'GroupId',
    path: '/webhook',
    around: [recall(`${list},"GroupId":`), '}'],
    takes: isText,
    mayTake: (value) => typeof value === 'number',
  },
  {
    name: 'MsgSeq',
    path: '/webhook',
    around: [recall(`${group},"MsgSeqList":[{"MsgSeq":`), '}]}'],
    takes: isSeq,
  },
  {
    name: 'Operator_Account',
    path: '/webhook',
    around: [recall(`${group},${list},"Operator_Account":`), '}'],
    takes: isText,
    // Nothing depends on it: a recall is not lost over it.
    mayTake: () => true,
  },
  { name: 'the body of /v1/disconnect', path: '/v1/disconnect', around: ['', ''], takes: () => false },
  { name: 'userId of /v1/disconnect', path: '/v1/disconnect', around: ['{"userId":', '}'], takes: isText },
  {
    name: 'forS of /v1/disconnect',
    path: '/v1/disconnect',
    around: ['{"userId":"u","forS":', '}'],
    takes: (value) => isSeq(value) && (value as number) <= 86_400,
    mayTake: (value) => value === null || value === '',
  },
  { name: 'the body of /v1/test-recall', path: '/v1/test-recall', around: ['', ''], takes: () => false },
  {
    name: 'seqs of /v1/test-recall',
    path: '/v1/test-recall',
    around: ['{"group":"j","seqs":', '}'],
    takes: isSeqs,
  },
]

/** Resolves with the results in the order of the values; at most `MAX_CONCURRENT` run at a time. */
async function mapAll<T, R>(values: readonly T[], map: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const rest = [...values.entries()]
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift())
      results[next[0]] = await map(next[1])
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT }, work))
  return results
}

const shown = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1').slice(0, 80))

describe('texts as in the JSON parsing test suite', () => {
  let gateway: GatewayProcess
  let token = ''
  before(async () => {
    gateway = await startGatewayProcess({ TEST_RECALLS: 'on', TRUST_PROXY: 'loopback' })
    token = await adminToken()
  })
  after(() => gateway.stop())

  const post = async (path: string, body: Buffer, headers: Readonly<Record<string, string>>) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers,
    })
    return { status: response.status, text: await response.text() }
  }

  /** Returns what is wrong with the response; undefined if nothing is. */
  function judge(
    one: Case,
    { takes, mayTake, around }: Place,
    status: number,
    text: string,
  ): string | undefined {
    const isReadable = one.verdict === 'json' && !(startsWithMark(one) && around[0] !== '')
    const says = isReadable
      ? undefined
      : one.verdict === 'not UTF-8'
        ? /UTF-8|not JSON/
        : /not JSON|UTF-8|large/
    if (isReadable) {
      const value = valueOf({ ...one, bytes: Buffer.from(one.bytes.toString().replace(BYTE_ORDER_MARK, '')) })
      if (takes(value) ? status === 200 : status === 400 || (status === 200 && mayTake?.(value) === true)) {
        return status === 400 && /not JSON/.test(text) ? `called not JSON: ${text}` : undefined
      }
    } else if ([400, 413].includes(status) && says?.test(text)) return undefined
    return `${shown(one.bytes)} (${one.verdict}): ${status} ${text}`
  }

  for (const place of PLACES) {
    it(`are taken or refused with 400 and a reason as ${place.name}`, async () => {
      const query = new URLSearchParams(signedQuery()).toString()
      const isWebhook = place.path === '/webhook'
      // A user of its own: each may send 1,000 requests in 10 s.
      const bearer = await makeToken({ sub: `admin of ${place.name}`, role: 'admin' })
      const wrong = await mapAll(CASES, async (one) => {
        const body = Buffer.concat([Buffer.from(place.around[0]), one.bytes, Buffer.from(place.around[1])])
        if (!isWebhook && body.length > MAX_API_BYTES && one.verdict === 'json') return undefined
        const { status, text } = await post(
          isWebhook ? `${place.path}?${query}` : place.path,
          body,
          isWebhook ? {} : { Authorization: `Bearer ${bearer}` },
        )
        return judge(one, place, status, text)
      })
      expect(wrong.filter((one) => one !== undefined)).to.deep.equal([])
    })
  }

  it('are answered, or end the connection, as the value of a request over a socket', async () => {
    const wrong = await mapAll(CASES, async (one) => {
      const peer = await openSocket(gateway.port, token)
      const payload = Buffer.concat([Buffer.from('421["subscribe",'), one.bytes, Buffer.from(']')])
      peer.send(encodeFrame({ payload }))
      try {
        if (one.verdict === 'json' && !startsWithMark(one)) {
          const answer = await peer.text('the answer', (text) => text.startsWith('431['))
          return answer.includes('"code":"REQUEST_MALFORMED"') ? undefined : `${shown(one.bytes)}: ${answer}`
        }
        await expectClosed(peer)
        return peer.texts().some((text) => text.startsWith('431['))
          ? `answered: ${shown(one.bytes)}`
          : undefined
      } catch (error) {
        return `${shown(one.bytes)}: ${String(error)}`
      } finally {
        peer.destroy()
      }
    })
    expect(wrong.filter((one) => one !== undefined)).to.deep.equal([])
  })

  it('grant nothing as the payload of a signed token', async () => {
    const wrong = await mapAll([...CASES.entries()], async ([i, { bytes }]) => {
      const header = Buffer.from('{"alg":"HS256"}').toString('base64url')
      const signed = `${header}.${bytes.subarray(0, 6_000).toString('base64url')}`
      const signature = createHmac('sha256', JWT_SECRET).update(signed).digest('base64url')
      const response = await fetch(`${gateway.url}/v1/position?group=g`, {
        // Each from an address of its own: many refused credentials from one are a reason to refuse all of them.
        headers: {
          Authorization: `Bearer ${signed}.${signature}`,
          'X-Forwarded-For': `198.18.${i >> 8}.${i & 255}`,
        },
      })
      const text = await response.text()
      return response.status === 401 && text.includes('TOKEN_REFUSED')
        ? undefined
        : `${shown(bytes)}: ${response.status} ${text}`
    })
    expect(wrong.filter((one) => one !== undefined)).to.deep.equal([])
  })

  it('leave a process that is well, without an error in its log', async () => {
    expect((await fetch(`${gateway.url}/readyz`)).status).to.equal(200)
    expect(gateway.output()).to.not.match(/"level":"(error|fatal)"/)
  })
})
