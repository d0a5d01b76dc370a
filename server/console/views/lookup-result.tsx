import { useEffect } from 'preact/hooks'
import type { MessageName } from '../../../shared/message.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { recalledBy, searchFor } from '../state/lookup.ts'
import type { Lookup, Recalled } from '../state/lookup.ts'
import type { Search } from '../state/search.ts'
import type { Store } from '../state/store.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { TestMark, Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { useSearch } from './use-search.ts'

/** More lines than that are counted: the search shows them. */
const MAX_LINES = 100

interface LookupResultProps {
  readonly lookup: Lookup
  readonly store: Store
}

/** The question and its answer: what was recalled, when, and by whom, as far as the logs still say. */
export function LookupResult({ lookup, store }: LookupResultProps) {
  const { t } = useLocale()
  const { conversation, names, recalled } = lookup
  const q = searchFor(lookup)
  const search = useSearch(store.api, q, store.isAdmin && recalled.length > 0)
  const lines = recalledBy(lookup, search)
  // A search rests after some hits: whoever asked for these messages wants to know of all of them.
  const isUnknown = conversation.group !== undefined && lines.some(({ operator }) => operator === undefined)
  const goesOn = search?.state === 'more' && isUnknown
  useEffect(() => {
    if (search !== undefined && goesOn) search.resume()
  }, [search, goesOn])
  return (
    <div class="result" role="status">
      <p>
        {t.find.lookup.asked(rangeText(names[0] ?? '', names.at(-1) ?? '', names.length))}{' '}
        <RoomLabel room={conversation} />
        {t.signals.colon}
        <strong>{t.history.recalledCount(recalled.length, names.length)}</strong>
      </p>
      {recalled.length > 0 && names.length > 1 && typeof names[0] === 'number' && (
        <Squares names={names} lines={lines} />
      )}
      <ul class="recalled-lines">
        {lines.slice(0, MAX_LINES).map((line) => (
          <li key={`${line.first} ${line.atMs}`}>
            <code>
              <Messages line={line} q={searchFor({ ...lookup, names: namesOf(line) })} />
            </code>
            <Timestamp atMs={line.atMs} />
            {line.isTest && <TestMark />}
            {store.isAdmin && conversation.group !== undefined && (
              <Operator operator={line.operator} search={search} />
            )}
          </li>
        ))}
      </ul>
      {typeof names[0] === 'string' && recalled.length < names.length && (
        <p class="not-recalled">
          {t.find.lookup.notRecalled}{' '}
          {names
            .filter((name) => !recalled.some(({ key }) => key === name))
            .map((name) => (
              <code key={name}>
                <Name text={`${name}`} />
              </code>
            ))}
        </p>
      )}
      {lines.length > MAX_LINES && <p>{t.find.lookup.more(lines.length - MAX_LINES)}</p>}
      {store.isAdmin && recalled.length > 0 && (
        <p>
          <a href={address.hrefOf('history', { ...address.parts, q })}>{t.find.lookup.showAll}</a>
        </p>
      )}
    </div>
  )
}

/** The messages of a line, which lead to their recall where a log has told it. */
function Messages({ line, q }: { readonly line: Recalled; readonly q: string }) {
  const text = <Name text={rangeText(line.first, line.last)} />
  if (line.place === undefined) return text
  return <a href={address.hrefOf('history', { ...address.parts, q, open: line.place })}>{text}</a>
}

const namesOf = ({ first, last }: Recalled): readonly MessageName[] => [...new Set([first, last])]

function Operator({
  operator,
  search,
}: Pick<Recalled, 'operator'> & { readonly search: Search | undefined }) {
  const { t } = useLocale()
  if (operator !== undefined)
    return (
      <span>
        {t.find.lookup.by} <Name text={operator} />
      </span>
    )
  const { findingBy, notFoundBy, unknownBy } = t.find.lookup
  const state = search?.state
  const isRead = state === 'failed' || state === 'full' || (state === 'done' && search?.unreadable !== 0)
  return <span class="hint">{isRead ? notFoundBy : state === 'done' ? unknownBy : findingBy}</span>
}

/** One square for each message of a range. */
function Squares({
  names,
  lines,
}: {
  readonly names: readonly MessageName[]
  readonly lines: readonly Recalled[]
}) {
  const { dateTime } = useLocale()
  const times = new Map<MessageName, string>()
  for (const { first, last, atMs } of lines)
    for (let seq = Number(first); seq <= Number(last); seq++) times.set(seq, dateTime(atMs))
  return (
    <div class="squares" aria-hidden="true">
      {names.map((name) => {
        const time = times.get(name)
        return (
          <i
            key={name}
            class={time === undefined ? '' : 'recalled'}
            title={time === undefined ? `${name}` : `${name} · ${time}`}
          />
        )
      })}
    </div>
  )
}

/** Keys are no range: their number stands for those that have no room. */
function rangeText(first: MessageName, last: MessageName, count = 1): string {
  if (first === last) return `${first}`
  return typeof first === 'number' ? `${first}–${last}` : `${first} … (${count})`
}
