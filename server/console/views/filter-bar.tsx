import type { ComponentChildren, TargetedEvent } from 'preact'
import { useState } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import { KINDS } from '../state/conversations.ts'
import { isEmpty, NO_FILTER } from '../state/feed.ts'
import type { Feed, Filter } from '../state/feed.ts'
import { Icon } from '../ui/icon.tsx'

const FIELDS = ['conversation', 'topic', 'operator', 'type', 'from', 'until'] as const

interface FilterBarProps {
  readonly feed: Feed
  readonly onChange: () => void
  /** Shown next to the fields. */
  readonly children: ComponentChildren
}

/** Filters the feed. On a narrow screen, a button shows the fields. */
export function FilterBar({ feed, onChange, children }: FilterBarProps) {
  const { t } = useLocale()
  const [isOpen, setOpen] = useState(false)
  const setFilter = (filter: Filter): void => {
    feed.setFilter(filter)
    onChange()
  }
  return (
    <div class="tools">
      <button
        type="button"
        class="quiet filter-toggle"
        aria-expanded={isOpen}
        aria-controls="filter"
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="filter" />
        {t.filter.title}
      </button>
      <fieldset id="filter" class={isOpen ? 'filter open' : 'filter'}>
        <legend class="visually-hidden">{t.filter.title}</legend>
        <KindField kind={feed.filter.kind} onKind={(kind) => setFilter({ ...feed.filter, kind })} />
        {FIELDS.map((name) => (
          <Field
            key={name}
            name={name}
            value={feed.filter[name]}
            onValue={(value) => setFilter({ ...feed.filter, [name]: value })}
          />
        ))}
        {!isEmpty(feed.filter) && (
          <button type="button" class="quiet" onClick={() => setFilter(NO_FILTER)}>
            <Icon name="close" />
            {t.filter.clear}
          </button>
        )}
      </fieldset>
      {children}
    </div>
  )
}

interface KindFieldProps {
  readonly kind: Filter['kind']
  readonly onKind: (kind: Filter['kind']) => void
}

function KindField({ kind, onKind }: KindFieldProps) {
  const { t } = useLocale()
  return (
    <label class={`kind${kind === '' ? '' : ' set'}`}>
      {t.filter.kind}
      <select
        value={kind}
        onChange={({ currentTarget: { value } }) => onKind(KINDS.find((one) => one === value) ?? '')}
      >
        <option value="">{t.filter.anyKind}</option>
        {KINDS.map((one) => (
          <option key={one} value={one}>
            {t.kinds[one]}
          </option>
        ))}
      </select>
    </label>
  )
}

interface FieldProps {
  readonly name: (typeof FIELDS)[number]
  readonly value: string
  readonly onValue: (value: string) => void
}

function Field({ name, value, onValue }: FieldProps) {
  const { t } = useLocale()
  const common = {
    autocomplete: 'off',
    value,
    onInput: ({ currentTarget }: TargetedEvent<HTMLInputElement>): void => onValue(currentTarget.value),
  } as const
  return (
    <label class={`${name}${value === '' ? '' : ' set'}`}>
      {t.filter[name]}
      {name === 'from' || name === 'until' ? (
        <input {...common} type="datetime-local" />
      ) : (
        <input {...common} type="search" dir="auto" spellcheck={false} />
      )}
    </label>
  )
}
