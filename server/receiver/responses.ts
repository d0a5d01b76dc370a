import { ERRORS } from '../../shared/errors.ts'
import type { ErrorCode, GatewayError } from '../../shared/errors.ts'
import { parseRecord } from '../../shared/json.ts'

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

/**
 * Whether a receiver has handled a webhook: it answered with 200, itself or with what the app's backend says. A page behind a wrong
 * address, or that of a proxy, can answer with 200 too.
 */
export const isHandled = ({ status, text }: { readonly status: number; readonly text: string }): boolean =>
  status === 200 && typeof parseRecord(text)?.['ActionStatus'] === 'string'

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)
