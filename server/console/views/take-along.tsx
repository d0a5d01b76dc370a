import { conversationOf } from '../../../shared/conversation.ts'
import { parseFilter } from '../../../shared/filter.ts'
import type { RecalledMessage } from '../../../shared/message.ts'
import type { Notice } from '../../../shared/notice.ts'
import { isDate } from '../../../shared/recall.ts'
import type { Locale } from '../i18n/i18n.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { messageText, recallJson } from '../state/copied.ts'
import type { NoticeRow } from '../state/feed.ts'
import { conversationText, kindOf } from '../state/conversations.ts'
import { searchFor } from '../state/evidence.ts'
import { conversationTerms } from '../state/lookup.ts'
import { placeOf } from '../state/open-recall.ts'
import { visibleText } from '../state/visible-text.ts'
import { CopyButton } from '../ui/copy.tsx'
import { Icon } from '../ui/icon.tsx'
import { useStore } from '../ui/store-context.ts'

/** What one can do with an open recall elsewhere: paste or print it. */
export function TakeAlong({ row }: { readonly row: NoticeRow }) {
  const locale = useLocale()
  const { isAdmin } = useStore()
  const link = (): string =>
    isAdmin
      ? address.urlOf('feed', { q: searchOf(row), open: placeOf(row) })
      : address.urlOf('rooms', { room: row.room, open: placeOf(row) })
  const { copy } = locale.t.act
  return (
    <div class="actions take-along" role="group" aria-label={copy.title}>
      <CopyButton label={copy.link} what={copy.link} text={link} />
      <CopyButton label={copy.text} what={copy.text} text={() => recallText(locale, row)} />
      <CopyButton label={copy.json} what={copy.json} text={() => recallJson(row.notice)} />
      <button type="button" class="quiet small" onClick={() => print()}>
        <Icon name="print" />
        {locale.t.act.print.button}
      </button>
    </div>
  )
}

/** A link outlives the log of the feed: its search finds the recall in the log of its conversation, too. */
function searchOf({ notice }: NoticeRow): string {
  const which = searchFor(notice)
  const q = [...conversationTerms(conversationOf(notice)), which].join(' ')
  return which !== '' && parseFilter(q).ok ? q : ''
}

/** A recall in words, to paste into a ticket or a chat: names read as nothing else, and times have their zone. */
function recallText({ t, preciseTime, zone }: Locale, { notice }: NoticeRow): string {
  const { fields } = t.details
  const names = ['groupType', 'sender', 'operator', 'platform', 'address'] as const
  const known: Partial<Notice> = notice
  const time = (atMs: number): string =>
    zone(atMs) === 'UTC' || !isDate(atMs)
      ? preciseTime(atMs)
      : `${preciseTime(atMs)} (${new Date(atMs).toISOString()})`
  const lines: readonly (readonly [string, string | undefined])[] = [
    [t.act.test.mark, 'test' in notice ? t.act.test.title : undefined],
    [t.columns.conversation, `${t.kinds[kindOf(notice)]} ${conversationText(notice)}`],
    ...names.map((name) => [fields[name], known[name] && visibleText(known[name])] as const),
    [t.details.recalled, 'untimed' in notice ? t.details.noTime : time(notice.recalledAtMs)],
    [t.details.received, 'receivedAtMs' in notice ? time(notice.receivedAtMs) : undefined],
    [t.columns.messages, notice.messages.map(messageWithId).join(', ')],
  ]
  return lines
    .flatMap(([name, value]) => (value === undefined ? [] : `${name}${t.signals.colon}${value}`))
    .join('\n')
}

const messageWithId = (message: RecalledMessage): string =>
  message.id === undefined ? messageText(message) : `${messageText(message)} (${visibleText(message.id)})`
