import { nameOf } from '../../../shared/message.ts'
import type { ComponentChildren } from 'preact'
import { useLocale } from '../i18n/i18n.ts'
import type { Api } from '../state/api.ts'
import type { NoticeRow } from '../state/feed.ts'
import { Pair } from '../ui/conversation.tsx'
import { Name } from '../ui/name.tsx'
import { Field, SidePanel } from '../ui/side-panel.tsx'
import { DeliveryPath } from './delivery-path.tsx'

/** The row that is open next to its list. */
export interface OpenRow {
  readonly key: number
  readonly row: NoticeRow
}

interface ListWithDetailsProps {
  readonly open: OpenRow | undefined
  readonly api: Api
  readonly onClose: () => void
  readonly class?: string
  readonly 'aria-label'?: string
  readonly 'aria-labelledby'?: string
  /** The list, and its controls. */
  readonly children: ComponentChildren
}

/** A list, with its open recall next to it. */
export function ListWithDetails({
  open,
  api,
  onClose,
  class: className = '',
  children,
  ...labels
}: ListWithDetailsProps) {
  return (
    <section class={`${className} with-details${open === undefined ? '' : ' opened'}`} {...labels}>
      <div class="list-pane">{children}</div>
      {open !== undefined && <Details key={open.key} row={open.row} api={api} onClose={onClose} />}
    </section>
  )
}

interface DetailsProps {
  readonly row: NoticeRow
  readonly api: Api
  readonly onClose: () => void
}

/** Everything known about a recall, and its delivery path. */
function Details({ row, api, onClose }: DetailsProps) {
  const { t, number } = useLocale()
  const { messages } = row.notice
  return (
    <SidePanel title={t.details.title} onClose={onClose}>
      <Fields row={row} />
      <h3>
        {t.columns.messages} <span class="count many">{number(messages.length)}</span>
      </h3>
      <ul class="messages" tabIndex={0} aria-label={t.columns.messages}>
        {messages.map((message) => (
          <li key={nameOf(message)}>
            <b>{nameOf(message)}</b>
            {message.id !== undefined && <code>{message.id}</code>}
          </li>
        ))}
      </ul>
      <h3>{t.details.path}</h3>
      <DeliveryPath row={row} api={api} />
    </SidePanel>
  )
}

const FIELDS = [
  'group',
  'topic',
  'groupType',
  'official',
  'sender',
  'operator',
  'platform',
  'address',
] as const

function Fields({ row: { notice } }: { readonly row: NoticeRow }) {
  const { t } = useLocale()
  const values: Readonly<Partial<Record<(typeof FIELDS)[number], string | undefined>>> = notice
  return (
    <dl>
      {notice.c2c !== undefined && (
        <Field name={t.details.fields.c2c}>
          <Pair c2c={notice.c2c} />
        </Field>
      )}
      {FIELDS.map(
        (name) =>
          values[name] !== undefined && (
            <Field key={name} name={t.details.fields[name]}>
              <Name text={values[name]} />
            </Field>
          ),
      )}
    </dl>
  )
}
