import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { nameOf } from '../../../shared/message.ts'
import type { RecalledMessage } from '../../../shared/message.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import type { Api } from '../state/api.ts'
import { askedForAmong } from '../state/asked-for.ts'
import { messageText, namesText } from '../state/copied.ts'
import type { NoticeRow } from '../state/feed.ts'
import { placeOf, placeText } from '../state/open-recall.ts'
import { visibleText } from '../state/visible-text.ts'
import { Pair } from '../ui/conversation.tsx'
import { Copyable, CopyArea, CopyButton, onCopyableKey } from '../ui/copy.tsx'
import { Name } from '../ui/name.tsx'
import { TestMark } from '../ui/labels.tsx'
import { Field, SidePanel } from '../ui/side-panel.tsx'
import { DeliveryPath } from './delivery-path.tsx'
import { EvidenceOfRecall } from './evidence.tsx'
import { UserPresenceLink } from './presence-links.tsx'
import { TakeAlong } from './take-along.tsx'
import { TakeOut } from './take-out.tsx'

interface ListWithDetailsProps {
  /** What is open next to the list. */
  readonly open: NoticeRow | undefined
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
      {open !== undefined && (
        <Details key={placeText(placeOf(open))} row={open} api={api} onClose={onClose} />
      )}
    </section>
  )
}

interface DetailsProps {
  readonly row: NoticeRow
  readonly api: Api
  readonly onClose: () => void
}

/** Everything known about a recall, what can be taken along of it, and its delivery path. */
function Details({ row, api, onClose }: DetailsProps) {
  const { t } = useLocale()
  return (
    <SidePanel title={t.details.title} onClose={onClose}>
      <TestMark notice={row.notice} />
      <CopyArea>
        <TakeAlong row={row} />
        <Fields row={row} />
        <Messages messages={row.notice.messages} />
      </CopyArea>
      <h3>{t.details.path}</h3>
      <DeliveryPath row={row} api={api} />
      {'receivedAtMs' in row.notice && <EvidenceOfRecall notice={row.notice} />}
      {'receivedAtMs' in row.notice && <TakeOut notice={row.notice} />}
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
const PEOPLE: ReadonlySet<string> = new Set(['sender', 'operator'])

function Fields({ row: { notice } }: { readonly row: NoticeRow }) {
  const { t } = useLocale()
  const isForAdmin = 'receivedAtMs' in notice
  const values: Readonly<Partial<Record<(typeof FIELDS)[number], string | undefined>>> = notice
  return (
    <dl>
      {notice.c2c !== undefined && (
        <Field name={t.details.fields.c2c}>
          <Pair c2c={notice.c2c} />{' '}
          {isForAdmin &&
            [...new Set(notice.c2c)].map((userId) => (
              <span key={userId}>
                <UserPresenceLink userId={userId} isNamed />{' '}
              </span>
            ))}
        </Field>
      )}
      {FIELDS.map((name) => {
        const { [name]: value } = values
        if (value === undefined) return null
        return (
          <Field key={name} name={t.details.fields[name]}>
            <Copyable text={value} what={t.details.fields[name]}>
              <Name text={value} />
            </Copyable>{' '}
            {isForAdmin && PEOPLE.has(name) && <UserPresenceLink userId={value} />}
          </Field>
        )
      })}
    </dl>
  )
}

function Messages({ messages }: { readonly messages: readonly RecalledMessage[] }) {
  const { t, number } = useLocale()
  const { copy } = t.act
  const ids = messages.flatMap(({ id }) => id ?? [])
  const asked = askedForAmong(address.parts.q ?? '', messages)
  const [firstAsked] = asked
  const list = useRef<HTMLUListElement>(null)
  // The list scrolls by itself: what was asked for may be the 700th.
  useEffect(() => {
    const { current: element } = list
    const mark = element?.querySelector('mark')
    if (element && mark)
      element.scrollTop += mark.getBoundingClientRect().top - element.getBoundingClientRect().top
  }, [messages, firstAsked])
  return (
    <>
      <h3 class="with-actions">
        <span>
          {t.columns.messages} <span class="count many">{number(messages.length)}</span>
        </span>
        <span class="actions">
          <CopyButton
            label={copy.all}
            what={t.messageCount(messages.length)}
            text={() => namesText(messages)}
          />
          {ids.length > 0 && (
            <CopyButton label={copy.ids} what={copy.idCount(ids.length)} text={() => ids.join('\n')} />
          )}
        </span>
      </h3>
      <ul ref={list} class="messages" aria-label={t.columns.messages} onKeyDown={onCopyableKey}>
        {messages.map((message, i) => (
          <li key={nameOf(message)}>
            <Copyable text={String(nameOf(message))} what={messageText(message)} isTabStop={i === 0}>
              {asked.has(message) ? (
                <mark>
                  <MessageLabel message={message} />
                </mark>
              ) : (
                <MessageLabel message={message} />
              )}
            </Copyable>
            {message.id !== undefined && (
              <Copyable text={message.id} what={visibleText(message.id)} isTabStop={false}>
                <code>
                  <Name text={message.id} />
                </code>
              </Copyable>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

function MessageLabel({ message }: { readonly message: RecalledMessage }) {
  return <b>{message.seq ?? <Name text={String(nameOf(message))} />}</b>
}
