import { useState } from 'preact/hooks'
import { showsUtc, useLocale } from '../i18n/i18n.ts'
import { fromField, toField } from './field-time.ts'

interface TimeInputProps {
  readonly label: string
  readonly name?: string
  /** In ms since 1970. */
  readonly atMs: number | undefined
  /** Receives each time that is written; undefined once the field is empty. */
  readonly onTime?: (atMs: number | undefined) => void
}

/**
 * A field for a time, in the zone that the page shows, written as the page writes times: the browser's own field follows the browser's
 * language, with months first and AM or PM, beside lists of 24 hours.
 */
export function TimeInput({ label, name, atMs, onTime }: TimeInputProps) {
  const { t } = useLocale()
  /** What is being written; undefined while the field shows the time that it was given. */
  const [text, setText] = useState<string>()
  return (
    <label>
      {label}
      <input
        name={name}
        value={text ?? toField(atMs, { isUtc: showsUtc() })}
        placeholder="2026-11-27 17:05"
        maxLength={19}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget: input }) => {
          const written = fromField(input.value, { isUtc: showsUtc() })
          const isTime = input.value === '' || written !== undefined
          input.setCustomValidity(isTime ? '' : t.act.time.unreadable)
          setText(input.value)
          if (isTime) onTime?.(written)
        }}
        onBlur={({ currentTarget: { value } }) => {
          const isTime = value === '' || fromField(value, { isUtc: showsUtc() }) !== undefined
          if (onTime !== undefined && isTime) setText(undefined)
        }}
      />
    </label>
  )
}
