import { isRecord } from '../json.ts'
import { noAnswer, notGateway } from './failure.ts'
import type { Failure } from './failure.ts'

const TIMEOUT_MS = 5_000

interface Answer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  json(): Promise<unknown>
}
type Ask = (url: string, options: object) => Promise<Answer>

/** The gateway would have opened the WebSocket, had it been asked to. */
export const ANSWERS_OVER_HTTP: Failure = {
  code: 'WEBSOCKET_BLOCKED',
  reason: 'the gateway answers over HTTP, but no WebSocket opens: a proxy may not pass it on',
}

/**
 * Asks over HTTP why no WebSocket opens, which a browser does not tell. A gateway answers to every origin. Undefined if there
 * is no way to ask, or once `signal` is aborted.
 */
export async function probe(url: string, signal: AbortSignal): Promise<Failure | undefined> {
  const ask = (globalThis as { readonly fetch?: Ask }).fetch
  if (ask === undefined) return undefined
  // Not `AbortSignal.timeout`, which is younger than the browsers that the client runs in.
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  const timer = setTimeout(stop, TIMEOUT_MS)
  signal.addEventListener('abort', stop)
  const options = { credentials: 'omit', cache: 'no-store', signal: controller.signal }
  try {
    const answer = await ask(url, options).catch(() => undefined)
    const found = answer === undefined ? await askBlindly(ask, url, options) : await explain(answer)
    return signal.aborted ? undefined : found
  } finally {
    clearTimeout(timer)
    // Ends what it may still be sending, too.
    stop()
    signal.removeEventListener('abort', stop)
  }
}

/** An answer that a page may not read is still an answer: not from a gateway, which lets every page read its own. */
const askBlindly = (ask: Ask, url: string, options: object): Promise<Failure> =>
  ask(url, { ...options, mode: 'no-cors' }).then(
    () => notGateway(`what answers is no gateway: are host, port and path of \`url\` right? ${PORTAL}`),
    () =>
      noAnswer(
        url.startsWith('https:')
          ? 'nothing answers, or its certificate is not accepted: a browser does not say which'
          : 'nothing answers',
      ),
  )

const PORTAL = 'The login page of a network answers so, too'

async function explain(answer: Answer): Promise<Failure> {
  const { status } = answer
  const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
  const body: unknown = type.endsWith('json') ? await answer.json().catch(() => undefined) : undefined
  if (isRefusal(body)) {
    const { code, message } = body
    if (code === 'REQUEST_MALFORMED' && message.includes('WebSocket')) return ANSWERS_OVER_HTTP
    return code === 'NOT_FOUND' ? wrongPath('HTTP 404 from a gateway') : { code, reason: message }
  }
  const said = `HTTP ${status}${type && ` with ${type}`}`
  if (status >= 500) return { code: 'NODE_UNREACHABLE', reason: `a proxy reaches no gateway: ${said}` }
  if (status === 404) return wrongPath(said)
  return type === 'text/html' && status < 400
    ? wrongPath(`${said}. ${PORTAL}`)
    : notGateway(`what answers is no gateway: ${said}`)
}

const isRefusal = (body: unknown): body is { readonly code: string; readonly message: string } =>
  isRecord(body) && typeof body['code'] === 'string' && typeof body['message'] === 'string' && 'retry' in body

const wrongPath = (said: string): Failure => ({
  code: 'WRONG_PATH',
  reason: `no gateway answers at this address: is the path of \`url\` right? ${said}`,
})
