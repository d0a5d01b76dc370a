import { useEffect, useRef } from 'preact/hooks'
import type { UnansweredReceiver } from '../../../shared/http-api/quarantine.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { folderOf } from '../state/quarantine.ts'
import type { Quarantine, ReasonGroup } from '../state/quarantine.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { Failure, Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { QuarantineDetails } from './quarantine-details.tsx'
import { OutcomeText } from './quarantine-outcome.tsx'
import { ReceiverName } from './receiver-name.tsx'

/** What is in the quarantine of any receiver, by its reason, and what can be done about it. */
export function QuarantineView({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { quarantine, isAdmin } = store
  useEffect(() => {
    if (isAdmin) void quarantine.read()
    return () => quarantine.stop()
  }, [isAdmin])
  useEntryOfAddress(quarantine, isAdmin)
  if (!isAdmin) return <p class="empty">{t.quarantine.adminsOnly}</p>
  const { openId, failure, outcome, groups } = quarantine
  return (
    <section class={`with-details${openId === undefined ? '' : ' opened'}`} aria-label={t.views.quarantine}>
      <div class="pad quarantine">
        <Summary quarantine={quarantine} />
        {failure !== undefined && <Failure refusal={failure} />}
        {quarantine.unanswered.map((receiver) => (
          <Unanswered key={receiver.folder} receiver={receiver} />
        ))}
        {openId === undefined && outcome !== undefined && <OutcomeText outcome={outcome} />}
        <Progress quarantine={quarantine} />
        {groups.map((group) => (
          <Reason key={`${group.kind} ${group.reason}`} group={group} store={store} />
        ))}
        <End quarantine={quarantine} />
      </div>
      {openId !== undefined && <QuarantineDetails key={openId} store={store} />}
    </section>
  )
}

/** Opens the entry that the address names. Once it has left the quarantine, the address names none. */
function useEntryOfAddress(quarantine: Quarantine, isAdmin: boolean): void {
  const { entry } = address.parts
  const { openId } = quarantine
  const wasOpen = useRef<string | undefined>(undefined)
  useEffect(() => {
    if (!isAdmin || entry === quarantine.openId) return
    if (entry === undefined) quarantine.close()
    else void quarantine.open(entry)
  }, [isAdmin, entry])
  useEffect(() => {
    if (openId === undefined && wasOpen.current !== undefined && address.parts.entry === wasOpen.current)
      address.set({ entry: undefined }, 'replace')
    wasOpen.current = openId
  }, [openId])
}

/** How many there are, as of when. */
function Summary({ quarantine }: { readonly quarantine: Quarantine }) {
  const { t } = useLocale()
  const { readAtMs, isReading, total } = quarantine
  return (
    <div class="summary">
      <p class="hint">{t.quarantine.intro}</p>
      <p>
        {readAtMs === undefined ? (
          isReading && t.loading
        ) : (
          <>
            <strong>{t.quarantine.count(total)}</strong>{' '}
            <small>
              {t.quarantine.readAt} <Timestamp atMs={readAtMs} />
            </small>
          </>
        )}
      </p>
      <button type="button" class="quiet" disabled={isReading} onClick={() => void quarantine.read()}>
        {t.quarantine.refresh}
      </button>
    </div>
  )
}

function Unanswered({ receiver: { folder, why } }: { readonly receiver: UnansweredReceiver }) {
  const { t } = useLocale()
  return (
    <p class="gap-note" role="alert">
      <Icon name="warning" />
      <span>
        <strong>
          {folder === 'others' ? t.quarantine.unknown : t.quarantine.unanswered(folder.slice(0, 8))}
        </strong>{' '}
        <span lang="en">{why}</span>
      </span>
    </p>
  )
}

/** How far `retryAll` is. */
function Progress({ quarantine }: { readonly quarantine: Quarantine }) {
  const { t } = useLocale()
  const { progress } = quarantine
  if (progress === undefined) return null
  return (
    <div class="card progress">
      <p role="status">{t.quarantine.progress(progress.accepted, progress.refused)}</p>
      <button type="button" class="quiet" onClick={() => quarantine.stop()}>
        {t.quarantine.stop}
      </button>
    </div>
  )
}

interface ReasonProps {
  readonly group: ReasonGroup
  readonly store: Store
}

function Reason({ group, store }: ReasonProps) {
  const { t, number } = useLocale()
  const { quarantine } = store
  const { kind, reason, entries } = group
  return (
    <section class="card reason" aria-label={reason}>
      <header>
        <h2>
          <small>{t.quarantine.kinds[kind]}</small>
          <Name lang="en" text={reason} />
        </h2>
        <span class="count many" title={t.quarantine.listed(entries.length)}>
          {number(entries.length)}
        </span>
        {kind !== 'rotten' && (
          <button
            type="button"
            class="quiet"
            title={t.quarantine.retryAllHint}
            disabled={quarantine.isBusy}
            onClick={() => void quarantine.retryAll(group)}
          >
            {t.quarantine.retryAll}
          </button>
        )}
      </header>
      <ul>
        {entries.map((entry) => (
          <li key={entry.id}>
            <button
              type="button"
              class="entry"
              aria-pressed={quarantine.openId === entry.id}
              onClick={() => address.set({ entry: entry.id }, 'push')}
            >
              <Timestamp atMs={entry.receivedAtMs} />
              <Name class="command" text={entry.command ?? t.quarantine.noCommand} />
              <span>{t.quarantine.bytes(entry.bytes)}</span>
              <ReceiverName store={store} folder={folderOf(entry.id)} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** That there is nothing, or a button that reads more. */
function End({ quarantine }: { readonly quarantine: Quarantine }) {
  const { t } = useLocale()
  const { entries, hasMore, isReading, readAtMs, unanswered } = quarantine
  if (hasMore)
    return (
      <button
        type="button"
        class="quiet more"
        disabled={isReading}
        onClick={() => void quarantine.readMore()}
      >
        {t.quarantine.more}
      </button>
    )
  if (entries.length > 0 || readAtMs === undefined) return null
  return <p class="empty">{unanswered.length > 0 ? t.quarantine.emptyElsewhere : t.quarantine.empty}</p>
}
