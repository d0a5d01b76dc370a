import { createHash } from 'node:crypto'
import { APP, WEBHOOK_TOKEN } from './gateway-process.ts'

const RECALL = 'Group.CallbackAfterRecallMsg'

interface WebhookOptions {
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}

/** Returns the body of a recall webhook, in the latest documented format. */
export const recallBody = (fields: Readonly<Record<string, unknown>> = {}) => ({
  CallbackCommand: RECALL,
  Operator_Account: 'admin',
  Type: 'Public',
  GroupId: '@TGS#1',
  MsgSeqList: [{ MsgSeq: 130 }],
  EventTime: 1670574414123,
  ...fields,
})

/** Returns a signed query as the provider documents it. Deliberately independent of the server's code. */
export function signedQuery(command = RECALL, nowS = Math.floor(Date.now() / 1_000)): Record<string, string> {
  return {
    SdkAppid: APP,
    CallbackCommand: command,
    contenttype: 'json',
    ClientIP: '203.0.113.7',
    OptPlatform: 'iOS',
    Sign: createHash('sha256').update(`${WEBHOOK_TOKEN}${nowS}`).digest('hex'),
    RequestTime: String(nowS),
  }
}

/** Posts a webhook as the provider does. A `body` that is a string is sent unchanged. */
export async function postWebhook(
  url: string,
  { query = signedQuery(), body = recallBody(), headers, method }: WebhookOptions = {},
) {
  const parameters = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${url}/webhook?${new URLSearchParams(parameters).toString()}`, {
    method: method ?? 'POST',
    ...(method === 'GET' ? {} : { body: text }),
    headers: { ...headers },
  })
  const json = (await response.json()) as { ActionStatus: string; ErrorInfo: string; ErrorCode: number }
  return { status: response.status, body: json, headers: response.headers }
}

interface Head {
  readonly path?: string
  readonly method?: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string | number>>
}

/** Returns the request line and the headers of a webhook. */
export function webhookHead({
  path = '/webhook',
  method = 'POST',
  query = signedQuery(),
  headers = {},
}: Head = {}): string {
  const parameters = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  const target = `${path}?${new URLSearchParams(parameters).toString()}`
  const lines = Object.entries({ Host: 'test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}
