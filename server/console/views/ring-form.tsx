import type { TargetedSubmitEvent } from 'preact'
import { useState } from 'preact/hooks'
import { parseFilter } from '../../../shared/filter.ts'
import { useLocale } from '../i18n/i18n.ts'
import {
  BURST_KEYS,
  BURST_UNITS,
  MAX_BURST_COUNT,
  MAX_BURST_S,
  MAX_COOL_DOWN_S,
  MAX_RULE_NAME_LENGTH,
  MAX_RULES,
  parseRule,
} from '../state/ring-rules.ts'
import type { RingRule } from '../state/ring-rules.ts'
import { fieldValue } from '../ui/form.tsx'

interface RingFormProps {
  /** The rule that is edited; undefined to add one. */
  readonly rule: RingRule | undefined
  /** The search that a new rule begins with. */
  readonly q: string
  /** Returns false if there is no room for the rule. */
  readonly onSave: (rule: RingRule) => boolean
}

export function RingForm({ rule, q, onSave }: RingFormProps) {
  const { t } = useLocale()
  const texts = t.rings
  const [isBurst, setBurst] = useState(rule?.burst !== undefined)
  const [problem, setProblem] = useState<'full' | 'unreadable'>()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const written = ruleIn(form, isBurst)
    const isSaved = written !== undefined && onSave(written)
    setProblem(isSaved ? undefined : written === undefined ? 'unreadable' : 'full')
    if (isSaved) form.reset()
  }
  return (
    <form class="card line ring-form" aria-label={texts.add} onSubmit={onSubmit}>
      <h2>{rule === undefined ? texts.add : texts.edit}</h2>
      <label>
        {texts.name}
        <input
          name="name"
          required
          pattern=".*\S.*"
          maxLength={MAX_RULE_NAME_LENGTH}
          autocomplete="off"
          dir="auto"
          defaultValue={rule?.name ?? ''}
        />
      </label>
      <FilterField q={rule?.q ?? q} />
      <label class="kind">
        {texts.when}
        <select
          name="when"
          value={isBurst ? 'burst' : 'each'}
          onChange={({ currentTarget: { value } }) => setBurst(value === 'burst')}
        >
          <option value="each">{texts.each}</option>
          <option value="burst">{texts.burst}</option>
        </select>
      </label>
      {isBurst && <BurstFields burst={rule?.burst} />}
      <NumberField
        name="coolDownS"
        label={texts.coolDownS}
        max={MAX_COOL_DOWN_S}
        value={rule?.coolDownS ?? 60}
      />
      <label class="check">
        <input type="checkbox" name="hasSound" defaultChecked={rule?.hasSound ?? true} />
        {texts.hasSound}
      </label>
      <label class="check">
        <input type="checkbox" name="notifies" defaultChecked={rule?.notifies ?? true} />
        {texts.notifies}
      </label>
      <button type="submit">{texts.save}</button>
      {problem !== undefined && (
        <p class="failure" role="alert">
          {problem === 'full' ? texts.full(MAX_RULES) : texts.unreadable}
        </p>
      )}
    </form>
  )
}

/** In the language of the search box. */
function FilterField({ q }: { readonly q: string }) {
  const { t } = useLocale()
  return (
    <label class="wide">
      {t.rings.filter}
      <input
        name="q"
        type="search"
        maxLength={1_000}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        dir="auto"
        defaultValue={q}
        placeholder="group:lobby -operator:bot"
        onInput={({ currentTarget: input }) => {
          const parsed = parseFilter(input.value)
          input.setCustomValidity(parsed.ok ? '' : `${parsed.term}: ${t.find.problems[parsed.problem]}`)
        }}
      />
    </label>
  )
}

function BurstFields({ burst }: { readonly burst: RingRule['burst'] }) {
  const { t } = useLocale()
  const { units, pers } = t.rings
  return (
    <>
      <NumberField name="count" label={t.rings.count} max={MAX_BURST_COUNT} value={burst?.count ?? 40} />
      <label class="narrow">
        {t.rings.unit}
        <select name="unit">
          {BURST_UNITS.map((unit) => (
            <option key={unit} value={unit} selected={unit === burst?.unit}>
              {units[unit]}
            </option>
          ))}
        </select>
      </label>
      <NumberField name="withinS" label={t.rings.withinS} max={MAX_BURST_S} value={burst?.withinS ?? 60} />
      <label class="kind">
        {t.rings.per}
        <select name="per">
          {BURST_KEYS.map((per) => (
            <option key={per} value={per} selected={per === burst?.per}>
              {pers[per]}
            </option>
          ))}
        </select>
      </label>
    </>
  )
}

interface NumberFieldProps {
  readonly name: string
  readonly label: string
  readonly max: number
  readonly value: number
}

function NumberField({ name, label, max, value }: NumberFieldProps) {
  return (
    <label class="narrow">
      {label}
      <input name={name} type="number" min={1} max={max} step={1} required defaultValue={value} />
    </label>
  )
}

/** Returns the rule that the fields name; undefined if they name none. */
function ruleIn(form: HTMLFormElement, isBurst: boolean): RingRule | undefined {
  const number = (name: string): number => Number(fieldValue(form, name))
  const isChecked = (name: string): boolean => fieldValue(form, name) !== ''
  return parseRule({
    name: fieldValue(form, 'name').trim(),
    q: fieldValue(form, 'q').trim(),
    coolDownS: number('coolDownS'),
    hasSound: isChecked('hasSound'),
    notifies: isChecked('notifies'),
    ...(isBurst && {
      burst: {
        count: number('count'),
        unit: fieldValue(form, 'unit'),
        withinS: number('withinS'),
        per: fieldValue(form, 'per'),
      },
    }),
  })
}
