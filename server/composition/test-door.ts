import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP } from 'node:net'
import type { TestDoor } from '../api/test-recall.ts'
import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import { createNetworkMatcher } from '../http/client-address.ts'
import { OWN_CALL, recallCall, signed } from '../receiver/provider-call.ts'
import { readResponse } from '../receiver/responses.ts'
import { GatewayError, reasonOf } from '../../shared/errors.ts'

/** Longer than the provider waits: a receiver that could not store a recall says so after 2.1 s. */
const RESPONSE_TIMEOUT_MS = 5_000
const MAX_RESPONSE_BYTES = 16 * 1024

/** Where the receiver listens, and what it is called in errors: its path may contain a secret. */
interface Receiver {
  readonly url: string
  readonly name: string
  /** It is this process, whose certificate names another host than the address it listens on. */
  readonly isSelf: boolean
}

/**
 * Returns the door for test recalls: that of the receiver at TEST_RECALL_URL, or of this process if it receives webhooks itself.
 * `port` is where it listens, which is known once it has started.
 */
export function createTestDoor(config: Config, port: () => number): TestDoor {
  const { TEST_RECALL_URL: url } = config
  if (url === undefined && config.ROLE === 'node')
    return { closedBecause: 'this node does not know where a receiver listens (TEST_RECALL_URL)' }
  const host = ownHost(config.HOST)
  if (url === undefined && !mayCallItself(config, host))
    return {
      closedBecause: `WEBHOOK_ALLOW does not contain ${host}, from where this process would call itself`,
    }
  const receiver = (): Receiver =>
    url === undefined
      ? { url: ownUrl(config, host, port()), name: 'this process', isSelf: true }
      : { url, name: 'the receiver at TEST_RECALL_URL', isSelf: false }
  const signing = options.testRecalls(config)

  return {
    async post(recall) {
      const { query, body } = recallCall(recall)
      await post(receiver(), signed(query, signing), body)
    },
  }
}

/** Resolves once the receiver has answered with OK. Rejects with the error it answered with, or with SEND_FAILED. */
async function post(receiver: Receiver, query: URLSearchParams, body: string): Promise<void> {
  const { status, text: answer } = await exchange(receiver, query, body).catch((cause: unknown) => {
    throw new GatewayError('SEND_FAILED', `no response from ${receiver.name} (${reasonOf(cause)})`, { cause })
  })
  const response = readResponse(answer)
  if (response === 'OK' && status === 200) return
  if (response === undefined || response === 'OK')
    throw new GatewayError('SEND_FAILED', `${receiver.name} answered ${status}, and not as a receiver does`)
  const { code, detail } = response
  throw new GatewayError(code, `${receiver.name} answered the test recall with ${code}${detail}`)
}

function exchange({ url, isSelf }: Receiver, query: URLSearchParams, body: string) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const target = new URL(`${url}?${query.toString()}`)
    const request = (target.protocol === 'https:' ? requestSecure : requestPlain)(target, {
      method: 'POST',
      headers: { ...OWN_CALL, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      agent: false,
      signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
      ...(isSelf && { rejectUnauthorized: false }),
    })
    request.once('error', reject)
    request.once('response', (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
    request.end(body)
  })
}

/** A receiver's response is short. What else answers may send anything. */
async function readText(response: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of response) {
    text += chunk.toString('latin1')
    if (text.length > MAX_RESPONSE_BYTES) break
  }
  return Buffer.from(text, 'latin1').toString()
}

/** The address at which a process reaches itself. */
function ownHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

function ownUrl({ TLS_CERT, WEBHOOK_PATH }: Config, host: string, port: number): string {
  const scheme = TLS_CERT === undefined ? 'http' : 'https'
  return `${scheme}://${isIP(host) === 6 ? `[${host}]` : host}:${port}${WEBHOOK_PATH}`
}

/** A name may stand for several addresses; the receiver will say whether it takes the one that is used. */
const mayCallItself = ({ WEBHOOK_ALLOW: allowed }: Config, host: string): boolean =>
  allowed.length === 0 || isIP(host) === 0 || createNetworkMatcher(allowed)(host)
