import type { AuditEntry } from '../../../shared/http-api/audit.ts'
import { isRecord } from '../../../shared/json.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Locale } from '../i18n/i18n.ts'
import type { Access } from '../state/access.ts'
import { conversationText, parseConversation } from '../state/conversations.ts'
import { visibleText } from '../state/visible-text.ts'
import { Failure, Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'

/** What admins did, newest first. */
export function AuditList({ access }: { readonly access: Access }) {
  const { t } = useLocale()
  const { entries, unreadable, auditFailure, cursor, isReading } = access
  return (
    <section class="card audit" aria-labelledby="audit">
      <header>
        <h2 id="audit">{t.moderation.audit}</h2>
      </header>
      <p class="hint">{t.moderation.auditHint}</p>
      {auditFailure !== undefined && <Failure refusal={auditFailure} />}
      {entries?.length === 0 && unreadable === 0 && <p class="hint">{t.moderation.noAudit}</p>}
      {unreadable > 0 && <p class="hint">{t.moderation.unreadable(unreadable)}</p>}
      <ul>
        {entries?.map((entry) => (
          <AuditItem key={entry.id} entry={entry} />
        ))}
      </ul>
      {cursor !== undefined && (
        <button type="button" class="quiet" disabled={isReading} onClick={() => void access.readOlder()}>
          {t.moderation.older}
        </button>
      )}
    </section>
  )
}

function AuditItem({ entry }: { readonly entry: AuditEntry }) {
  const locale = useLocale()
  const { t } = locale
  const { atMs, admin, action, address, result, code } = entry
  const details = detailsOf(entry.details, locale)
  const actions: Readonly<Partial<Record<string, string>>> = t.moderation.actions
  return (
    <li>
      <Timestamp atMs={atMs} />
      <p>
        <strong>
          <Name text={admin} />
        </strong>{' '}
        {actions[action] ?? <Name text={action} />}
        {result !== 'done' && (
          <span class={result === 'failed' ? 'act failed' : 'act'}>
            {t.moderation.results[result]}
            {code !== undefined && ` ${code}`}
          </span>
        )}
        <small>{[...details, t.moderation.address(visibleText(address))].join(' · ')}</small>
      </p>
    </li>
  )
}

/** What it was done to: conversations by their names, anything else as it is. Later versions may record more. */
function detailsOf(details: AuditEntry['details'], locale: Locale): readonly string[] {
  const { t, dateTime } = locale
  const { group, topic, c2c, official, untilMs, each, ...others } = details
  const conversation = parseConversation({ group, topic, c2c, official })
  const names: Readonly<Partial<Record<string, string>>> = t.moderation.details
  const texts = Object.entries(others).map(
    ([name, value]) =>
      `${names[name] ?? visibleText(name)}${t.signals.colon}${visibleText(typeof value === 'string' ? value : JSON.stringify(value))}`,
  )
  return [
    ...(conversation === undefined ? [] : [conversationText(conversation)]),
    ...texts,
    ...(typeof untilMs === 'number' ? [t.moderation.until(dateTime(untilMs))] : []),
    ...(Array.isArray(each) ? each.filter(isRecord).map((one) => detailsOf(one, locale).join(', ')) : []),
  ]
}
