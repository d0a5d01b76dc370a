import { RecallClient } from './client/recall-client.ts'
import type { RecallClientOptions } from './client/api.ts'

export { RequestRefused } from './client/api.ts'
export { RecallClient } from './client/recall-client.ts'
export type {
  ClientEvents,
  NoticeListener,
  RecallClientOptions,
  State,
  SubscribeOptions,
  Subscription,
} from './client/api.ts'
export type { Credential } from './client/credential.ts'
export { memoryPositions, storedPositions } from './client/position-store.ts'
export type { PositionStore } from './client/position-store.ts'
export type { MemberNotice, Notice } from './notice.ts'
export type { GapReason, Position } from './position.ts'
export type { RecalledAt } from './recall.ts'
export type { Room } from './room.ts'

/**
 * A client of the gateway, for browsers and Node: follows rooms, survives drops, reloads and nodes that stop, and gives each
 * notice once to each listener, in order, or says that there is a gap.
 */
export const createRecallClient = (options: RecallClientOptions): RecallClient => new RecallClient(options)
