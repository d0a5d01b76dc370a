import type { IncomingMessage } from 'node:http'
import type { GroupConversation } from '../../shared/conversation.ts'
import { signatureOf } from './authenticity.ts'
import { groupRecall } from './commands/group-recall.ts'

interface RecallCall extends GroupConversation {
  readonly seqs: readonly number[]
  readonly operator: string
  /** The type of the group, in Tencent's words. Default: what fits the conversation. */
  readonly type?: string | undefined
}

interface Signing {
  readonly app: string
  /** Undefined where webhooks are not authenticated. */
  readonly token: string | undefined
}

/** Returns the query, unsigned, and the body of a webhook that tells of a recall made now, as the provider sends it. */
export function recallCall({ group, topic, seqs, operator, type }: RecallCall): {
  readonly query: URLSearchParams
  readonly body: string
} {
  const query = new URLSearchParams({
    CallbackCommand: groupRecall.name,
    contenttype: 'json',
    ClientIP: '127.0.0.1',
    OptPlatform: 'RESTAPI',
  })
  const body = JSON.stringify({
    CallbackCommand: groupRecall.name,
    Operator_Account: operator,
    Type: type ?? (topic === undefined ? 'Public' : 'Community'),
    GroupId: group,
    MsgSeqList: seqs.map((MsgSeq) => ({ MsgSeq })),
    ...(topic !== undefined && { TopicId: topic }),
    EventTime: Date.now(),
  })
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

/** Anyone can say so of a call: it is then refused or accepted, counted and logged like any other, but says nothing of health. */
export const isOwnCall = ({ headers }: IncomingMessage): boolean => OWN_CALL_HEADER in headers

export const isReplay = ({ headers }: IncomingMessage): boolean =>
  headers[OWN_CALL_HEADER] === REPLAY_CALL[OWN_CALL_HEADER]

/** Returns the query with what proves who calls. */
export function signed(query: URLSearchParams, { app, token }: Signing): URLSearchParams {
  const complete = new URLSearchParams(query)
  complete.set('SdkAppid', app)
  if (token === undefined) return complete
  const requestTime = String(Math.floor(Date.now() / 1_000))
  complete.set('Sign', signatureOf(token, requestTime))
  complete.set('RequestTime', requestTime)
  return complete
}
