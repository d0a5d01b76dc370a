import { useRef, useState } from 'preact/hooks'
import { MAX_FILTER_LENGTH, parseFilter } from '../../../shared/filter.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { contradictionIn } from '../state/filter-text.ts'
import { splitUnseen } from '../state/visible-text.ts'
import { Icon } from '../ui/icon.tsx'
import { Name } from '../ui/name.tsx'
import { isEscape, useKey } from '../ui/use-key.ts'
import { FilterHelp } from './filter-help.tsx'
import { SavedFilters } from './saved-filters.tsx'

/** The search box of a view: its text is the part `q` of the address. The key `/` leads to it. */
export function SearchBox({ placeholder }: { readonly placeholder: string }) {
  const { t } = useLocale()
  const texts = t.find.search
  const [isHelpOpen, setHelpOpen] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  useKey('/', () => input.current?.select())
  const q = address.parts.q ?? ''
  const setText = (text: string): void => address.set({ q: text }, 'replace')
  const insert = (change: (text: string) => string): void => {
    setText(change(address.parts.q ?? ''))
    input.current?.focus()
  }
  return (
    <div class="search-box" role="search">
      <label class="search-field">
        <span class="visually-hidden">{texts.label}</span>
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          value={q}
          maxLength={MAX_FILTER_LENGTH}
          placeholder={placeholder}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          dir="auto"
          aria-describedby="search-error"
          aria-invalid={!parseFilter(q).ok}
          onInput={({ currentTarget: { value } }) => setText(value)}
          onKeyDown={(event) => {
            // Browsers empty the box with Escape; where it closes the help, it does no more.
            if (isEscape(event) && isHelpOpen) event.preventDefault()
            if (event.key !== 'ArrowDown' || event.isComposing) return
            event.preventDefault()
            focusList()
          }}
        />
      </label>
      <button
        type="button"
        class="quiet icon-only"
        aria-expanded={isHelpOpen}
        aria-controls="filter-help"
        aria-label={texts.help}
        title={texts.help}
        onClick={() => setHelpOpen(!isHelpOpen)}
      >
        <Icon name="filter" />
      </button>
      <SavedFilters q={q} onPick={(text) => address.set({ q: text }, 'push')} />
      {isHelpOpen && <FilterHelp q={q} onChange={insert} onClose={() => setHelpOpen(false)} />}
    </div>
  )
}

/** The list of the view, of which there is one: whoever has searched goes on to what was found. */
const focusList = (): void => document.querySelector<HTMLElement>('[role="grid"]')?.focus()

/** What is wrong with a search, the term and why, or what a reader does not see in it. */
export function SearchError({ q }: { readonly q: string }) {
  const { t } = useLocale()
  const parsed = parseFilter(q)
  const reversed = parsed.ok ? contradictionIn(parsed.filter) : undefined
  if (parsed.ok && reversed === undefined) return hasUnseen(q) ? <Unseen q={q} /> : null
  return (
    <p id="search-error" class="search-error" role="alert">
      <Icon name="warning" />
      <span>
        {parsed.ok ? (
          t.find.search.reversed(t.find.search.times[reversed ?? 'recalled'])
        ) : (
          <>
            <code>
              <Name text={parsed.term} />
            </code>{' '}
            {t.find.problems[parsed.problem]}
          </>
        )}
      </span>
    </p>
  )
}

/** A link, or what was copied, may bring along what no box shows; blanks around terms mean nothing. */
const hasUnseen = (q: string): boolean => splitUnseen(q.trim()).some(({ isUnseen }) => isUnseen)

function Unseen({ q }: { readonly q: string }) {
  const { t } = useLocale()
  return (
    <p id="search-error" class="search-error" role="alert">
      <Icon name="warning" />
      <span>
        {t.find.search.unseen}{' '}
        <code>
          <Name text={q.trim()} />
        </code>
      </span>
    </p>
  )
}
