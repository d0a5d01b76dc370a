import { sortedPair } from '../../../shared/conversation.ts'
import type { Conversation } from '../../../shared/conversation.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Kind } from '../state/conversations.ts'
import type { KnownRooms } from '../state/known-rooms.ts'
import { fieldValue, IdentifierInput } from './form.tsx'

/** A kind of conversation, or all of them together. */
export type RoomKind = Kind | 'feed'

interface ConversationFieldsProps<T extends RoomKind> {
  readonly kinds: readonly T[]
  readonly kind: T
  readonly onKind: (kind: T) => void
  /** What the fields hold at first. */
  readonly initial?: Room | undefined
  /** Where suggestions come from. */
  readonly known?: KnownRooms
}

/** Fields that name a conversation: first its kind, then what such a conversation is named by. */
export function ConversationFields<T extends RoomKind>({
  kinds,
  kind,
  onKind,
  initial,
  known,
}: ConversationFieldsProps<T>) {
  const { t } = useLocale()
  const { group, topic, c2c = [], official } = initial ?? {}
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
          <IdentifierInput
            key="group"
            name="group"
            label={t.rooms.group}
            value={group}
            required
            suggestions={known?.groups}
          />
          <IdentifierInput
            key="topic"
            name="topic"
            label={t.rooms.topic}
            value={topic}
            suggestions={known?.topics}
          />
        </>
      )}
      {kind === 'c2c' && (
        <>
          <IdentifierInput
            key="user"
            name="user"
            label={t.rooms.user}
            value={c2c[0]}
            required
            suggestions={known?.users}
          />
          <IdentifierInput
            key="other"
            name="other"
            label={t.rooms.otherUser}
            value={c2c[1]}
            required
            suggestions={known?.users}
          />
        </>
      )}
      {kind === 'official' && (
        <IdentifierInput
          key="official"
          name="official"
          label={t.rooms.official}
          value={official}
          required
          suggestions={known?.accounts}
        />
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

/** Empties the fields for the next one. The kind stays: who names one often names several. */
export function clearFields(form: HTMLFormElement): void {
  const inputs = form.querySelectorAll('input')
  for (const input of inputs) input.value = ''
  inputs[0]?.focus()
}
