import { useEffect, useRef } from 'preact/hooks'
import type { Api } from '../state/api.ts'
import { Icon } from '../ui/icon.tsx'
import { useLocale } from '../i18n/i18n.ts'
import type { NoticeRow } from '../state/feed.ts'
import { DeliveryPath } from './delivery-path.tsx'
import type { ComponentChildren } from 'preact'

interface DetailsProps {
  readonly row: NoticeRow
  readonly api: Api
  readonly onClose: () => void
}

/** One recall: all that is known of it, and the way it took. */
function Details({ row, api, onClose }: DetailsProps) {
  const { t, number } = useLocale()
  const panel = useRef<HTMLElement>(null)
  const { messages } = row.notice
  useEffect(() => {
    const { activeElement: before } = document
    panel.current?.focus()
    return () => before instanceof HTMLElement && before.focus()
  }, [])
  return (
    <aside
      ref={panel}
      class="details"
      tabIndex={-1}
      aria-label={t.details.title}
      onKeyDown={({ key }) => key === 'Escape' && onClose()}
    >
      <header>
        <h2>{t.details.title}</h2>
        <button type="button" class="plain" aria-label={t.details.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <Fields row={row} />
      <h3>
        {t.columns.messages} <span class="count many">{number(messages.length)}</span>
      </h3>
      <ul class="messages" tabIndex={0} aria-label={t.columns.messages}>
        {messages.map(({ seq, id }) => (
          <li key={seq}>
            <b>{seq}</b>
            {id !== undefined && <code>{id}</code>}
          </li>
        ))}
      </ul>
      <h3>{t.details.path}</h3>
      <DeliveryPath row={row} api={api} />
    </aside>
  )
}

const FIELDS = ['group', 'topic', 'groupType', 'operator', 'platform', 'address'] as const

function Fields({ row: { notice } }: { readonly row: NoticeRow }) {
  const { t } = useLocale()
  const values: Readonly<Partial<Record<(typeof FIELDS)[number], string>>> = notice
  return (
    <dl>
      {FIELDS.flatMap((name) => {
        const value = values[name]
        if (value === undefined) return []
        return [
          <div key={name}>
            <dt>{t.details.fields[name]}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>,
        ]
      })}
    </dl>
  )
}

/** A row of a list that is open beside it. */
export interface OpenRow {
  readonly key: number
  readonly row: NoticeRow
}

interface WithDetailsProps {
  readonly open: OpenRow | undefined
  readonly api: Api
  readonly onClose: () => void
  readonly class?: string
  readonly 'aria-label'?: string
  readonly 'aria-labelledby'?: string
  /** The list, and what belongs to it. */
  readonly children: ComponentChildren
}

/** A list, and the one of its recalls that is open. */
export function ListWithDetails({
  open,
  api,
  onClose,
  class: own = '',
  children,
  ...names
}: WithDetailsProps) {
  return (
    <section class={`${own} with-details${open === undefined ? '' : ' opened'}`} {...names}>
      <div class="list-pane">{children}</div>
      {open !== undefined && <Details key={open.key} row={open.row} api={api} onClose={onClose} />}
    </section>
  )
}
