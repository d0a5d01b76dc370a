import type { TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import { parseFilter } from '../../../shared/filter.ts'
import { useLocale } from '../i18n/i18n.ts'
import {
  dropFilter,
  MAX_FILTER_NAME_LENGTH,
  MAX_SAVED_FILTERS,
  saveFilter,
  savedFilters,
} from '../state/saved-filters.ts'
import { address } from '../state/address.ts'
import { visibleText } from '../state/visible-text.ts'
import { fieldValue } from '../ui/form.tsx'
import { Icon } from '../ui/icon.tsx'
import { Menu } from '../ui/menu.tsx'
import { Name } from '../ui/name.tsx'
import { useStore } from '../ui/store-context.ts'

interface SavedFiltersProps {
  readonly q: string
  readonly onPick: (q: string) => void
}

/** The searches that this browser has saved under names, and a form that saves the current one. */
export function SavedFilters({ q, onPick }: SavedFiltersProps) {
  const { t } = useLocale()
  const texts = t.find.saved
  const { isAdmin } = useStore()
  const [, setChanges] = useState(0)
  const [problem, setProblem] = useState<'noName' | 'full'>()
  const filters = savedFilters()
  const canSave = q.trim() !== '' && parseFilter(q).ok
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const name = fieldValue(event.currentTarget, 'name').trim()
    const isSaved = name !== '' && saveFilter({ name, q: q.trim() })
    setProblem(isSaved ? undefined : name === '' ? 'noName' : 'full')
    if (isSaved) event.currentTarget.reset()
    setChanges((count) => count + 1)
  }
  const drop = (name: string): void => {
    dropFilter(name)
    setChanges((count) => count + 1)
  }
  return (
    <Menu icon="save" label={texts.button}>
      {filters.length === 0 && <p class="hint">{texts.none}</p>}
      <ul class="saved-filters">
        {filters.map((filter) => (
          <li key={filter.name}>
            <button
              type="button"
              class="plain"
              aria-current={filter.q === q.trim() ? 'true' : undefined}
              onClick={() => onPick(filter.q)}
            >
              <Name text={filter.name} />{' '}
              <code>
                <Name text={filter.q} />
              </code>
            </button>
            {isAdmin && (
              <a
                class="plain icon-only"
                href={address.hrefOf('rings', { q: filter.q })}
                aria-label={t.rings.ringFor(visibleText(filter.name))}
                title={t.rings.ringFor(visibleText(filter.name))}
              >
                <Icon name="rings" />
              </a>
            )}
            <button
              type="button"
              class="plain icon-only"
              aria-label={texts.drop(visibleText(filter.name))}
              title={texts.drop(visibleText(filter.name))}
              onClick={() => drop(filter.name)}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {canSave ? (
        <form class="line" onSubmit={onSubmit}>
          <label>
            {texts.name}
            <input
              name="name"
              required
              pattern=".*\S.*"
              maxLength={MAX_FILTER_NAME_LENGTH}
              autocomplete="off"
              dir="auto"
            />
          </label>
          <button type="submit">{texts.save}</button>
        </form>
      ) : (
        <p class="hint">{texts.nothingToSave}</p>
      )}
      {problem !== undefined && (
        <p class="failure" role="alert">
          {problem === 'full' ? texts.full(MAX_SAVED_FILTERS) : texts.noName}
        </p>
      )}
    </Menu>
  )
}
