import { isRecord } from '../../../shared/json.ts'
import { OK } from '../responses.ts'
import type { WebhookResponse } from '../responses.ts'

type Fields = Readonly<Record<string, unknown>>

/** What to answer in the place of the app's backend. */
interface BeforeCommand {
  /** Lets the action continue as if there were no webhook. */
  readonly allow: (fields: Fields) => WebhookResponse
  readonly deny: (fields: Fields) => WebhookResponse
}

/** Of most commands: 1 refuses, and Tencent tells the user its own error. */
const REFUSED: WebhookResponse = { ...OK, ErrorInfo: 'refused in the place of the backend', ErrorCode: 1 }
/** The first of the codes with which an app refuses a friend. */
const FRIEND_REFUSED = 38_000

const PLAIN: BeforeCommand = { allow: () => OK, deny: () => REFUSED }

/** Refuses all who are invited: an app can also refuse some. */
const INVITATION: BeforeCommand = {
  allow: () => OK,
  deny: ({ DestinationMembers: invited }) => ({
    ...REFUSED,
    RefusedMembers_Account: listOf(invited).map((member) => accountOf(member, 'Member_Account')),
  }),
}

/** A code for each account is required; any other code in their place lets the action continue. */
const friends = (listName: string): BeforeCommand => {
  const answer = (fields: Fields, ResultCode: number, ResultInfo: string): WebhookResponse => ({
    ...OK,
    ResultItem: listOf(fields[listName]).map((friend) => ({
      To_Account: accountOf(friend, 'To_Account'),
      ResultCode,
      ResultInfo,
    })),
  })
  return {
    allow: (fields) => answer(fields, 0, ''),
    deny: (fields) => answer(fields, FRIEND_REFUSED, REFUSED.ErrorInfo),
  }
}

/** The code means that the chatbot does not reply: Tencent then ignores RspData, which is required. */
const silent = (): WebhookResponse => ({ ...OK, ErrorInfo: 'no chatbot here', ErrorCode: 1, RspData: '' })

/**
 * The commands whose answer decides whether, or how, the provider goes on. By name: that some contain "Before" is no rule. Source:
 * Tencent Cloud Chat, documents 1047/34364, 34368, 34370, 34371, 34374, 43467, 43468, 49463, 59057, 60795 and 60803.
 */
const BEFORE_COMMANDS: Readonly<Record<string, BeforeCommand>> = {
  'C2C.CallbackBeforeSendMsg': PLAIN,
  'Chatbot.OnC2CSignalMessage': { allow: silent, deny: silent },
  'Group.CallbackBeforeApplyJoinGroup': PLAIN,
  'Group.CallbackBeforeCreateGroup': PLAIN,
  'Group.CallbackBeforeCreateTopic': PLAIN,
  'Group.CallbackBeforeInviteJoinGroup': INVITATION,
  'Group.CallbackBeforeSendMsg': PLAIN,
  'OfficialAccount.CallbackBeforeAddSubscriber': PLAIN,
  'OfficialAccount.CallbackBeforeCreateOfficialAccount': PLAIN,
  'OfficialAccount.CallbackBeforeSendMsg': PLAIN,
  'Sns.CallbackPrevFriendAdd': friends('FriendItem'),
  'Sns.CallbackPrevFriendResponse': friends('ResponseFriendItem'),
}

export const BEFORE_COMMAND_NAMES: readonly string[] = Object.keys(BEFORE_COMMANDS)

/** Whether the provider waits for the answer to decide. */
export const isBeforeCommand = (name: string): boolean => Object.hasOwn(BEFORE_COMMANDS, name)

const answersTo = (command: string): BeforeCommand =>
  isBeforeCommand(command) ? (BEFORE_COMMANDS[command] ?? PLAIN) : PLAIN

/** Returns the response to any command other than a recall that lets the provider go on as if there were no webhook. */
export const noOpinion = (command: string, fields: Fields): WebhookResponse =>
  answersTo(command).allow(fields)

/** Returns the response that refuses what a command asks. Other commands ask nothing, and get a plain OK. */
export const denial = (command: string, fields: Fields): WebhookResponse =>
  isBeforeCommand(command) ? answersTo(command).deny(fields) : OK

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function accountOf(item: unknown, name: string): string {
  const account = isRecord(item) ? item[name] : undefined
  // Echoed as it is, printable or not: it names an account of the request.
  return typeof account === 'number' ? String(account) : typeof account === 'string' ? account : ''
}
