import { ERRORS } from '../../shared/errors.ts'
import type { GatewayError } from '../../shared/errors.ts'

/** What the provider expects for every webhook. Source: Webhook Overview, document 34354. */
export interface WebhookResponse {
  readonly ActionStatus: 'OK' | 'FAIL'
  readonly ErrorInfo: string
  readonly ErrorCode: number
  readonly [extra: string]: unknown
}

export const OK: WebhookResponse = { ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0 }

/** A refusal names our code first, so that one can search for it. */
export const refusal = (error: GatewayError): WebhookResponse => ({
  ActionStatus: 'FAIL',
  ErrorInfo: `${error.code}: ${error.message}`,
  ErrorCode: ERRORS[error.code].status,
})

/**
 * "No opinion" on a command that is not a recall: the action goes on as if there were no webhook. The plain OK says so
 * for all commands but three, which want more in the answer. Source: documents 1047/43468, 1047/43467, 1047/59057.
 */
export function noOpinion(command: string, body: Record<string, unknown>): WebhookResponse {
  if (command === 'Sns.CallbackPrevFriendAdd') return { ...OK, ResultItem: allow(body['FriendItem']) }
  if (command === 'Sns.CallbackPrevFriendResponse')
    return { ...OK, ResultItem: allow(body['ResponseFriendItem']) }
  // Without RspData a chatbot has nothing to say: an error code makes the provider ignore the field.
  if (command === 'Chatbot.OnC2CSignalMessage')
    return { ...OK, ErrorInfo: 'no chatbot here', ErrorCode: 1, RspData: '' }
  return OK
}

const allow = (items: unknown): unknown[] =>
  (Array.isArray(items) ? items : []).map((item: unknown) => ({
    To_Account: accountOf(item),
    ResultCode: 0,
    ResultInfo: '',
  }))

const accountOf = (item: unknown): string =>
  typeof item === 'object' && item !== null && 'To_Account' in item && typeof item.To_Account === 'string'
    ? item.To_Account
    : ''
