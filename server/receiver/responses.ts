import { ERRORS } from '../../shared/errors.ts'
import type { ErrorCode, GatewayError } from '../../shared/errors.ts'
import { isRecord } from '../../shared/json.ts'

const MAX_DETAIL_LENGTH = 300

/** The response that Tencent expects to every webhook. Source: Webhook Overview, document 34354. */
export interface WebhookResponse {
  readonly ActionStatus: 'OK' | 'FAIL'
  readonly ErrorInfo: string
  readonly ErrorCode: number
  readonly [extra: string]: unknown
}

export const OK: WebhookResponse = { ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0 }

/** `ErrorInfo` starts with our error code, so that operators can search for it. `retry`: whether trying again may help. */
export const refusal = (error: GatewayError): WebhookResponse => ({
  ActionStatus: 'FAIL',
  ErrorInfo: `${error.code}: ${error.message}`,
  ErrorCode: ERRORS[error.code].status,
  retry: ERRORS[error.code].retry,
})

/**
 * Reads the response of a receiver: OK, or the error it refused with, and what it said of it besides the text of that error.
 * Returns undefined for what is not the response of a receiver.
 */
export function readResponse(
  text: string,
): 'OK' | { readonly code: ErrorCode; readonly detail: string } | undefined {
  const response = parseRecord(text)
  if (response?.['ActionStatus'] === 'OK') return 'OK'
  const info = response?.['ErrorInfo']
  const [, code = '', message = ''] = /^(\w+): (.*)$/s.exec(typeof info === 'string' ? info : '') ?? []
  if (!isErrorCode(code)) return undefined
  return { code, detail: message.replace(ERRORS[code].text, '').slice(0, MAX_DETAIL_LENGTH) }
}

function parseRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)

/**
 * Returns the response to a command other than a recall that lets the action continue as if there were no webhook. A plain OK
 * does that for all commands except three, which require more fields. Source: documents 1047/43468, 1047/43467, 1047/59057.
 */
export function noOpinion(command: string, body: Record<string, unknown>): WebhookResponse {
  if (command === 'Sns.CallbackPrevFriendAdd') return { ...OK, ResultItem: allowAll(body['FriendItem']) }
  if (command === 'Sns.CallbackPrevFriendResponse')
    return { ...OK, ResultItem: allowAll(body['ResponseFriendItem']) }
  // The error code means that the chatbot does not reply: Tencent then ignores RspData.
  if (command === 'Chatbot.OnC2CSignalMessage')
    return { ...OK, ErrorInfo: 'no chatbot here', ErrorCode: 1, RspData: '' }
  return OK
}

const allowAll = (items: unknown): unknown[] =>
  (Array.isArray(items) ? items : []).map((item: unknown) => ({
    To_Account: accountOf(item),
    ResultCode: 0,
    ResultInfo: '',
  }))

const accountOf = (item: unknown): string => {
  const account = isRecord(item) ? item['To_Account'] : undefined
  // Echoed as it is, printable or not: it names an account of the request.
  return typeof account === 'number' ? String(account) : typeof account === 'string' ? account : ''
}
