import { sortedPair } from '../../../shared/conversation.ts'
import type { Conversation } from '../../../shared/conversation.ts'
import { FEED } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Kind } from '../state/conversations.ts'
import { fieldValue, IdentifierInput } from './form.tsx'

/** A kind of conversation, or all of them together. */
export type RoomKind = Kind | 'feed'

interface ConversationFieldsProps<T extends RoomKind> {
  readonly kinds: readonly T[]
  readonly kind: T
  readonly onKind: (kind: T) => void
}

/** Fields that name a conversation: first its kind, then what such a conversation is named by. */
export function ConversationFields<T extends RoomKind>({ kinds, kind, onKind }: ConversationFieldsProps<T>) {
  const { t } = useLocale()
  return (
    <>
      <label class="kind">
        {t.rooms.kind}
        <select
          name="kind"
          value={kind}
          onChange={({ currentTarget: { value } }) => onKind(kinds.find((one) => one === value) ?? kind)}
        >
          {kinds.map((one) => (
            <option key={one} value={one}>
              {t.roomKinds[one]}
            </option>
          ))}
        </select>
      </label>
      {kind === 'group' && (
        <>
          <IdentifierInput key="group" name="group" label={t.rooms.group} required />
          <IdentifierInput key="topic" name="topic" label={t.rooms.topic} />
        </>
      )}
      {kind === 'c2c' && (
        <>
          <IdentifierInput key="user" name="user" label={t.rooms.user} required />
          <IdentifierInput key="other" name="other" label={t.rooms.otherUser} required />
        </>
      )}
      {kind === 'official' && (
        <IdentifierInput key="official" name="official" label={t.rooms.official} required />
      )}
    </>
  )
}

/** Returns the conversation that the fields name. */
export function conversationIn(form: HTMLFormElement): Conversation {
  const value = (name: string): string => fieldValue(form, name)
  switch (value('kind')) {
    case 'c2c':
      return { c2c: sortedPair([value('user'), value('other')]) }
    case 'official':
      return { official: value('official') }
    default: {
      const [group, topic] = [value('group'), value('topic')]
      return topic === '' ? { group } : { group, topic }
    }
  }
}

/** Returns the room that the fields name. */
export const roomIn = (form: HTMLFormElement): Room =>
  fieldValue(form, 'kind') === 'feed' ? FEED : conversationIn(form)

/** Empties the fields for the next one. The kind stays: who names one often names several. */
export function clearFields(form: HTMLFormElement): void {
  const inputs = form.querySelectorAll('input')
  for (const input of inputs) input.value = ''
  inputs[0]?.focus()
}
