import type { Conversation } from '../../../shared/conversation.ts'
import type { RecalledMessage } from '../../../shared/message.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Fields } from '../fields.ts'

/** A command of the provider which tells that messages were recalled. `recall-commands.ts` lists all. */
export interface RecallCommand {
  /** `CallbackCommand` of query and body. */
  readonly name: string
  /**
   * Reads what was recalled where. Leaves out what makes no sense. Without a conversation, or without messages, nothing of the
   * webhook can be told to anybody.
   */
  read(fields: Fields): RecalledThere
  /** Returns the fields of the body that told of a recall, besides the command and the time; undefined for one of another command. */
  write(recall: Recall): Readonly<Record<string, unknown>> | undefined
}

export interface RecalledThere {
  readonly conversation: Conversation | undefined
  /** Each once. */
  readonly messages: readonly RecalledMessage[]
  readonly details: Pick<Recall, 'groupType' | 'operator' | 'sender'>
}
