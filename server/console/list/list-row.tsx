import type { RecalledMessage } from '../../../shared/message.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { askedForAmong } from '../state/asked-for.ts'
import { messageText } from '../state/copied.ts'
import { conversationText } from '../state/conversations.ts'
import type { KeyedRow, NoticeRow, Row } from '../state/feed.ts'
import { visibleText } from '../state/visible-text.ts'
import { Icon } from '../ui/icon.tsx'
import { ConversationName } from '../ui/conversation.tsx'
import { InterruptionText, LateMark, TestMark, Timestamp } from '../ui/labels.tsx'
import { isFresh } from './use-list.ts'
import { Name } from '../ui/name.tsx'

/** A recall has up to 1,000 messages; one line has room for fewer than these. */
const MAX_SHOWN_SEQS = 40
/** The element id of the row with this key. */
export const rowId = (key: number): string => `row-${key}`

interface ListRowProps {
  readonly keyed: KeyedRow
  /** The position among all rows, rendered or not; the header is 1. */
  readonly index: number
  readonly isActive: boolean
  readonly isOpen: boolean
  readonly onOpen: (row: KeyedRow) => void
}

export function ListRow({ keyed, index, isActive, isOpen, onOpen }: ListRowProps) {
  const { key, row } = keyed
  const marks = `${isActive ? ' active' : ''}${isOpen ? ' open' : ''}`
  const common = { id: rowId(key), role: 'row', 'aria-rowindex': index } as const
  if (row.kind !== 'notice')
    return (
      <div {...common} class={`row event ${row.kind}${marks}`}>
        <div role="gridcell" aria-colspan={5}>
          <EventRow row={row} />
        </div>
      </div>
    )
  return (
    <div
      {...common}
      class={`row notice${marks}${isFresh(keyed) ? ' fresh' : ''}`}
      aria-selected={isOpen}
      onClick={() => onOpen(keyed)}
    >
      <NoticeCells row={row} />
    </div>
  )
}

function NoticeCells({ row: { notice, lateMs } }: { readonly row: NoticeRow }) {
  const { t, number } = useLocale()
  const { topic, messages, recalledAtMs } = notice
  return (
    <>
      <div role="gridcell" class="time">
        <Timestamp atMs={recalledAtMs} untimed={'untimed' in notice} />
      </div>
      <div role="gridcell" class="conversation" title={conversationText(notice)}>
        <ConversationName conversation={notice} />
      </div>
      <NameCell column="topic" name={topic} />
      {'receivedAtMs' in notice && <NameCell column="operator" name={notice.operator} />}
      <div role="gridcell" class="messages">
        <TestMark notice={notice} />
        {lateMs !== undefined && <LateMark notice={notice} lateMs={lateMs} />}
        <span class={messages.length > 1 ? 'count many' : 'count'} title={t.messageCount(messages.length)}>
          {number(messages.length)}
        </span>
        <Messages messages={messages} />
      </div>
    </>
  )
}

/** Those that the search names come first: there is no room for all. */
function Messages({ messages }: { readonly messages: readonly RecalledMessage[] }) {
  const asked = askedForAmong(address.parts.q ?? '', messages)
  const others = asked.size === 0 ? messages : messages.filter((message) => !asked.has(message))
  const shown = [...asked, ...others.slice(0, MAX_SHOWN_SEQS)].slice(0, MAX_SHOWN_SEQS)
  const textOf = (some: readonly RecalledMessage[]): string => some.map(messageText).join(', ')
  return (
    <span class="seqs">
      {asked.size > 0 && <mark>{textOf(shown.slice(0, asked.size))}</mark>}
      {asked.size > 0 && shown.length > asked.size && ', '}
      {textOf(shown.slice(asked.size))}
      {messages.length > MAX_SHOWN_SEQS && ' …'}
    </span>
  )
}

interface NameCellProps {
  readonly column: string
  readonly name: string | undefined
}

function NameCell({ column, name }: NameCellProps) {
  return (
    <div role="gridcell" class={column} title={name && visibleText(name)}>
      {name === undefined ? <span class="none">–</span> : <Name text={name} />}
    </div>
  )
}

/** Says whether the list is complete. */
function EventRow({ row }: { readonly row: Exclude<Row, NoticeRow> }) {
  const { t } = useLocale()
  switch (row.kind) {
    case 'gap':
      return (
        <>
          <Icon name="warning" />
          <strong>{t.events.gap}</strong> <span>{t.gapReasons[row.reason]}</span>
        </>
      )
    case 'interruption':
      return (
        <>
          <Icon name="warning" />
          <InterruptionText interruption={row.interruption} />
        </>
      )
  }
}
