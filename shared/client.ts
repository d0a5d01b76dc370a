import { RecallClient } from './client/recall-client.ts'
import type { RecallClientOptions } from './client/api.ts'

export { RequestRefused } from './client/api.ts'
export { RecallClient } from './client/recall-client.ts'
export type {
  AuthOption,
  ClientError,
  ClientEvents,
  ConnectionOptions,
  GetTokenOption,
  RecallClientOptions,
  RoomGap,
  RoomRecovered,
  RoomRefused,
  State,
  StateKind,
  SubscribeOptions,
  Subscription,
  SubscriptionEvents,
} from './client/api.ts'
export type { Credential } from './client/credential.ts'
export type {
  MemberNotice,
  MessageName,
  Notice,
  NoticeListener,
  RecalledAt,
  RecalledMessage,
  ToldIn,
} from './client/notices.ts'
export { memoryPositions, storedPositions } from './client/position-store.ts'
export type { PositionStore, TextStore } from './client/position-store.ts'
export type { GapReason, Position } from './position.ts'
export type { Goodbye } from './protocol.ts'
export type {
  C2cConversation,
  Conversation,
  GroupConversation,
  OfficialConversation,
} from './conversation.ts'
export type { KeyedMessage, NumberedMessage } from './message.ts'
export type { Recall } from './recall.ts'
export type { Feed, Room } from './room.ts'

/**
 * Connects to the gateway and follows rooms, in browsers and in Node. The client reconnects after any drop, to any node,
 * and resumes where it left off. Each listener receives each notice once, in order; if some are no longer available, the
 * client calls the room's `load` again, or emits `gap`. Throws a TypeError if `url` cannot be the address of a gateway,
 * unless there is exactly one of `auth` and `getToken`, and for a fixed credential that cannot be sent. `PROTOCOL.md`
 * specifies what the gateway guarantees.
 */
export const createRecallClient = (options: RecallClientOptions): RecallClient => new RecallClient(options)
