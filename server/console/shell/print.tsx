import { render } from 'preact'
import type { Language } from '../i18n/i18n.ts'
import { LocaleProvider, LOCALES, useLocale } from '../i18n/i18n.ts'
import { messageText } from '../state/copied.ts'
import type { NoticeRow, Row } from '../state/feed.ts'
import type { Store } from '../state/store.ts'
import { ConversationName } from '../ui/conversation.tsx'
import { InterruptionText, LateMark, TestMark } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { printableLists } from '../ui/printable.ts'
import type { PrintableList } from '../ui/printable.ts'
import { stateText } from './state-text.ts'

interface Printed {
  readonly store: Store | undefined
  readonly language: Language
}

/**
 * Adds to the page what only paper shows: above it where it comes from, below it its lists as a whole. Call `now` when a print begins.
 * An open recall is printed alone.
 */
export function preparePrinting(now: () => Printed): void {
  const [head, lists] = [document.createElement('div'), document.createElement('div')]
  head.className = lists.className = 'print-only'
  document.body.prepend(head)
  document.body.append(lists)
  addEventListener('beforeprint', () => {
    const { store, language } = now()
    if (store === undefined) return
    const locale = LOCALES[language]
    const isAlone = document.querySelector('.with-details.opened') !== null
    // Each is rendered at once, in full: the print begins right after this event.
    render(
      <LocaleProvider value={locale}>
        <PrintHead store={store} />
      </LocaleProvider>,
      head,
    )
    render(
      <LocaleProvider value={locale}>
        {!isAlone &&
          printableLists().map((list) => <PrintList key={list.label} list={list} isAdmin={store.isAdmin} />)}
      </LocaleProvider>,
      lists,
    )
  })
  addEventListener('afterprint', () => {
    render(null, head)
    render(null, lists)
  })
}

/** Where the print comes from: the address that shows the same, when, who, and whether the page was live then. */
function PrintHead({ store }: { readonly store: Store }) {
  const locale = useLocale()
  const { t, preciseTime } = locale
  const { label, detail } = stateText(locale, store.shown)
  return (
    <header class="print-head">
      <h1>
        {document.querySelector('.top-bar h1')?.textContent} · {t.title}
      </h1>
      <p>
        <bdi>{location.href}</bdi>
      </p>
      <p>
        {t.act.print.printed(preciseTime(store.api.clock.fromViewer(Date.now())))}
        {store.user !== undefined && (
          <>
            {' · '}
            {t.act.print.by} <Name text={store.user} />
          </>
        )}
        {' · '}
        {label}
        {detail !== '' && t.signals.colon + detail}
      </p>
    </header>
  )
}

interface PrintListProps {
  readonly list: PrintableList
  /** Members do not learn who recalled. */
  readonly isAdmin: boolean
}

/** Every row of a list, newest first, with all its messages. */
function PrintList({ list: { label, rows }, isAdmin }: PrintListProps) {
  const { t, zone } = useLocale()
  const recalls = rows.filter(({ row }) => row.kind === 'notice').length
  return (
    <table class="print-list">
      <caption>
        {label} · {t.recallCount(recalls)}
      </caption>
      <thead>
        <tr>
          <th>
            {t.columns.time} ({zone()})
          </th>
          {(['conversation', 'topic', 'operator', 'messages'] as const).map(
            (name) => (isAdmin || name !== 'operator') && <th key={name}>{t.columns[name]}</th>,
          )}
        </tr>
      </thead>
      <tbody>
        {rows.toReversed().map(({ key, row }) => (
          <tr key={key}>
            <PrintCells row={row} />
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function PrintCells({ row }: { readonly row: Row }) {
  const { t } = useLocale()
  switch (row.kind) {
    case 'gap':
      return (
        <td colSpan={5}>
          <strong>{t.events.gap}</strong> {t.gapReasons[row.reason]}
        </td>
      )
    case 'interruption':
      return (
        <td colSpan={5}>
          <InterruptionText interruption={row.interruption} />
        </td>
      )
    case 'notice':
      return <NoticeCells row={row} />
  }
}

function NoticeCells({ row: { notice, lateMs } }: { readonly row: NoticeRow }) {
  const { t, date, timeOfDay } = useLocale()
  const { recalledAtMs } = notice
  return (
    <>
      <td>
        {date(recalledAtMs)} {timeOfDay(recalledAtMs)}
        {'untimed' in notice && <small> {t.details.noTime}</small>}
      </td>
      <td>
        <ConversationName conversation={notice} />
      </td>
      <td>{notice.topic !== undefined && <Name text={notice.topic} />}</td>
      {'receivedAtMs' in notice && (
        <td>{notice.operator !== undefined && <Name text={notice.operator} />}</td>
      )}
      <td>
        <TestMark notice={notice} />
        {lateMs !== undefined && <LateMark notice={notice} lateMs={lateMs} />}
        {notice.messages.map(messageText).join(', ')}
      </td>
    </>
  )
}
