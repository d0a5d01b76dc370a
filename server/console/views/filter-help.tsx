import { useEffect } from 'preact/hooks'
import { parseInstant } from '../../../shared/instant.ts'
import { useLocale } from '../i18n/i18n.ts'
import { KINDS } from '../state/conversations.ts'
import { termValue, withTerm } from '../state/filter-text.ts'
import type { HelperKey } from '../state/filter-text.ts'
import { TimeInput } from '../ui/time-input.tsx'
import { isEscape } from '../ui/use-key.ts'

/** A term to begin with, as it stands in the text. */
const EXAMPLES = [
  'lobby',
  'group:lobby,hall',
  'topic:news',
  'operator:alice',
  'sender:bob',
  'c2c:alice',
  'official:@news',
  'seq:130,200-210',
  'msgid:144115…',
  'type:Public',
  'is:test',
  '-operator:bot',
  '"two words"',
] as const

interface FilterHelpProps {
  readonly q: string
  /** Changes the text of the search as it is now: the page may not have been rendered since it changed last. */
  readonly onChange: (change: (q: string) => string) => void
  readonly onClose: () => void
}

/** Fields that write terms into the search box, and every kind of term with an example to begin with. */
export function FilterHelp({ q, onChange, onClose }: FilterHelpProps) {
  const { t } = useLocale()
  const { help } = t.find
  const set = (key: HelperKey, value: string): void => onChange((text) => withTerm(text, key, value))
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (isEscape(event)) onClose()
    }
    addEventListener('keydown', onKeyDown)
    return () => removeEventListener('keydown', onKeyDown)
  }, [])
  return (
    <div id="filter-help" class="menu-panel filter-help card" role="group" aria-label={help.title}>
      <div class="line">
        <label>
          {t.filter.kind}
          <select
            value={termValue(q, 'kind')}
            onChange={({ currentTarget: { value } }) => set('kind', value)}
          >
            <option value="">{t.filter.anyKind}</option>
            {KINDS.map((kind) => (
              <option key={kind} value={kind}>
                {t.kinds[kind]}
              </option>
            ))}
          </select>
        </label>
        {(['recalled>=', 'recalled<', 'received>=', 'received<'] as const).map((key) => (
          <TimeInput
            key={key}
            label={help.times[key]}
            atMs={timeIn(termValue(q, key))}
            onTime={(atMs) => set(key, toTime(atMs))}
          />
        ))}
      </div>
      <p class="hint">{help.intro}</p>
      <dl class="terms">
        {EXAMPLES.map((example) => (
          <div key={example}>
            <dt>
              <button
                type="button"
                class="plain"
                onClick={() => onChange((text) => `${text.trim()} ${example}`.trim())}
              >
                <code>{example}</code>
              </button>
            </dt>
            <dd>{help.terms[example]}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        <a href="docs/searching.html" target="_blank" rel="noopener">
          {help.more}
        </a>
      </p>
    </div>
  )
}

/** A time as a filter names it. */
const toTime = (atMs: number | undefined): string =>
  atMs === undefined ? '' : new Date(atMs).toISOString().replace(/(?::00)?\.000Z$/, 'Z')

/** The other way round. */
const timeIn = (text: string): number | undefined => parseInstant(text)?.startMs
