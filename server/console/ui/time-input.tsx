import { useState } from 'preact/hooks'
import { showsUtc, useLocale } from '../i18n/i18n.ts'

const TIME = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/

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
        value={text ?? toField(atMs)}
        placeholder="2026-11-27 17:05"
        maxLength={19}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget: input }) => {
          const written = fromField(input.value)
          const isTime = input.value === '' || written !== undefined
          input.setCustomValidity(isTime ? '' : t.act.time.unreadable)
          setText(input.value)
          if (isTime) onTime?.(written)
        }}
        onBlur={({ currentTarget: { value } }) => {
          if (onTime !== undefined && (value === '' || fromField(value) !== undefined)) setText(undefined)
        }}
      />
    </label>
  )
}

/** Returns the time that a field holds, in ms since 1970; undefined if it is empty, or holds none. A day alone is its beginning. */
export function fromField(value: string): number | undefined {
  const [, day, time = '00:00'] = TIME.exec(value.trim()) ?? []
  const atMs = day === undefined ? NaN : Date.parse(`${day}T${time}${showsUtc() ? 'Z' : ''}`)
  return Number.isNaN(atMs) ? undefined : atMs
}

/** The other way round. */
function toField(atMs: number | undefined): string {
  if (atMs === undefined) return ''
  const offsetMs = showsUtc() ? 0 : new Date(atMs).getTimezoneOffset() * 60_000
  return new Date(atMs - offsetMs).toISOString().slice(0, 19).replace('T', ' ').replace(/:00$/, '')
}
