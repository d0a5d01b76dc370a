import { nameOf } from '../../../shared/message.ts'
import type { RecalledMessage } from '../../../shared/message.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import { splitUnseen, visibleText } from './visible-text.ts'

/** Returns a recall as JSON to paste: what a reader would not see is escaped, so that the JSON holds exactly the same names. */
export const recallJson = (notice: Notice | MemberNotice): string =>
  splitUnseen(JSON.stringify(notice, undefined, 2))
    .map(({ text, isUnseen }) => (isUnseen && text !== '\n' ? escape(text) : text))
    .join('')

const escape = (text: string): string =>
  Array.from(
    { length: text.length },
    (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('')

/** A message by its seq or key, as text that reads as nothing else. */
export const messageText = (message: RecalledMessage): string => visibleText(String(nameOf(message)))

/** Returns the names of messages to paste elsewhere: seqs on one line, keys on a line each. */
export const namesText = (messages: readonly RecalledMessage[]): string =>
  messages.map(nameOf).join(messages.every(({ seq }) => seq !== undefined) ? ', ' : '\n')
