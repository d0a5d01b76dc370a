import { useLocale } from '../i18n/i18n.ts'
import type { ShownMark } from '../state/history-samples.ts'
import { Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'

/** More would push everything else off the page. */
const MAX_SHOWN = 20

/** What happened to processes within the last hour, the latest first. */
export function EventList({ marks }: { readonly marks: readonly ShownMark[] }) {
  const { t } = useLocale()
  if (marks.length === 0) return null
  return (
    <details class="card fold">
      <summary>
        <h2>{t.access.events(marks.length)}</h2>
      </summary>
      <ul class="event-list">
        {marks.slice(0, MAX_SHOWN).map(({ atMs, what, host, role, processId }) => (
          <li key={`${atMs} ${processId} ${what}`}>
            <Timestamp atMs={atMs} /> <span class={`dot ${TONES[what]}`}>{t.access.marks[what]}</span>{' '}
            <Name text={host} /> <small>{t.health.roles[role]}</small> <code>{processId.slice(0, 8)}</code>
          </li>
        ))}
      </ul>
    </details>
  )
}

const TONES: Readonly<Record<ShownMark['what'], string>> = {
  start: 'live',
  stop: 'offline',
  spool: 'refused',
  'spool-end': 'live',
  doubt: 'refused',
  'doubt-end': 'live',
  gap: 'refused',
}
