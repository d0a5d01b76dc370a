import type { IncomingMessage } from 'node:http'
import { conversationOf } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { RecalledMessage } from '../../shared/message.ts'
import { signatureOf } from './authenticity.ts'
import { RECALL_COMMANDS } from './commands/recall-commands.ts'

export type RecallCall = Conversation & {
  /** In a conversation of two only the first is told: a webhook names one. */
  readonly messages: readonly RecalledMessage[]
  /** Who recalls, which the provider tells of groups alone. */
  readonly operator: string
  /** Who sent the message, which the provider tells of conversations of two alone. Default: one of them. */
  readonly sender?: string | undefined
  /** The type of the group, in Tencent's words. Default: what fits the conversation. */
  readonly type?: string | undefined
}

export interface Signing {
  readonly app: string
  /** Undefined where webhooks are not authenticated. */
  readonly token: string | undefined
  /** By how much RequestTime is older than it should be, in s. Default: 0. */
  readonly lateS?: number
  /** Whether to sign as somebody does who does not know the token. */
  readonly isForged?: boolean
}

/** Returns the query, unsigned, and the body of a webhook that tells of a recall made now, as the provider sends it. */
export function recallCall({ messages, operator, sender, type, ...where }: RecallCall): {
  readonly query: URLSearchParams
  readonly body: string
} {
  const recall = {
    ...conversationOf(where),
    messages,
    operator,
    groupType: type ?? (where.topic === undefined ? 'Public' : 'Community'),
    ...(sender !== undefined && { sender }),
    recalledAtMs: Date.now(),
    receivedAtMs: Date.now(),
  }
  const [name = '', fields] =
    RECALL_COMMANDS.map((command) => [command.name, command.write(recall)] as const).find(
      ([, written]) => written !== undefined,
    ) ?? []
  const query = new URLSearchParams({
    CallbackCommand: name,
    contenttype: 'json',
    ClientIP: '127.0.0.1',
    OptPlatform: 'RESTAPI',
  })
  const body = JSON.stringify({ CallbackCommand: name, ...fields, EventTime: recall.recalledAtMs })
  return { query, body }
}

/**
 * Header of our own calls: test recalls, and those of the command line. They prove nothing of the provider's, and must not hide
 * that all of those are refused.
 */
const OWN_CALL_HEADER = 'x-recall-gateway-call'
export const OWN_CALL = { [OWN_CALL_HEADER]: 'own' } as const
/** A webhook from the quarantine: if it is refused, it stays there, and must not be stored a second time. */
export const REPLAY_CALL = { [OWN_CALL_HEADER]: 'replay' } as const
/** A replay of what the relay gave up: it is for the backend alone. */
export const GIVEN_UP_CALL = { [OWN_CALL_HEADER]: 'given-up' } as const

/** Anyone can say so of a call: it is then refused or accepted, counted and logged like any other, but says nothing of health. */
export const isOwnCall = ({ headers }: IncomingMessage): boolean => OWN_CALL_HEADER in headers

/** Whether the recall of a call is to be marked as a test: those of our own that repeat no webhook of the provider's. */
export const isTest = ({ headers }: IncomingMessage): boolean =>
  headers[OWN_CALL_HEADER] === OWN_CALL[OWN_CALL_HEADER]

export const isGivenUp = ({ headers }: IncomingMessage): boolean =>
  headers[OWN_CALL_HEADER] === GIVEN_UP_CALL[OWN_CALL_HEADER]

export const isReplay = (request: IncomingMessage): boolean =>
  isGivenUp(request) || request.headers[OWN_CALL_HEADER] === REPLAY_CALL[OWN_CALL_HEADER]

/** Returns the query with what proves who calls. */
export function signed(
  query: URLSearchParams,
  { app, token, lateS = 0, isForged = false }: Signing,
): URLSearchParams {
  const complete = new URLSearchParams(query)
  complete.set('SdkAppid', app)
  if (token === undefined) return complete
  const requestTime = String(Math.floor(Date.now() / 1_000) - lateS)
  complete.set('Sign', signatureOf(isForged ? `not ${token}` : token, requestTime))
  complete.set('RequestTime', requestTime)
  return complete
}
