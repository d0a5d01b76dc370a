import { useId } from 'preact/hooks'
import { isIdentifier, MAX_IDENTIFIER_BYTES } from '../../../shared/identifier.ts'
import { useLocale } from '../i18n/i18n.ts'
import { MAX_KEYS, parseKeys } from './keys.ts'

interface IdentifierInputProps {
  readonly name: string
  readonly label: string
  readonly required?: boolean
  /** What it holds at first. */
  readonly value?: string | undefined
  /** Identifiers to choose from; others can be typed. */
  readonly suggestions?: readonly string[] | undefined
}

/** A field for the identifier of a group, a topic, a user or an account. */
export function IdentifierInput({
  name,
  label,
  required = false,
  value,
  suggestions = [],
}: IdentifierInputProps) {
  const { t } = useLocale()
  const listId = useId()
  return (
    <label>
      {label}
      <input
        name={name}
        required={required}
        defaultValue={value}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        dir="auto"
        list={suggestions.length > 0 ? listId : undefined}
        onInput={({ currentTarget: input }) =>
          input.setCustomValidity(
            input.value === '' || isIdentifier(input.value)
              ? ''
              : t.rooms.invalidIdentifier(MAX_IDENTIFIER_BYTES),
          )
        }
      />
      {suggestions.length > 0 && (
        <datalist id={listId}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </label>
  )
}

interface ListInputProps {
  readonly name: string
  readonly label: string
  readonly placeholder: string
  readonly isValid: (text: string) => boolean
  /** Said of what is not valid. */
  readonly invalid: string
  /** What it holds at first. */
  readonly value?: string | undefined
}

/** A field for several values. */
export function ListInput({ name, label, placeholder, isValid, invalid, value }: ListInputProps) {
  return (
    <label class="wide">
      {label}
      <input
        name={name}
        required
        defaultValue={value}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        placeholder={placeholder}
        onInput={({ currentTarget: input }) => input.setCustomValidity(isValid(input.value) ? '' : invalid)}
      />
    </label>
  )
}

/** A field for the keys of messages, which name those outside of groups. */
export function KeysInput({ value }: { readonly value?: string }) {
  const { t } = useLocale()
  return (
    <ListInput
      name="keys"
      label={t.rooms.keys}
      placeholder="1_2_1700000000"
      isValid={(text) => parseKeys(text) !== undefined}
      invalid={t.rooms.invalidKeys(MAX_KEYS)}
      value={value}
    />
  )
}

/** Returns the text of the named field, empty if there is none. */
export function fieldValue(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name)
  return typeof value === 'string' ? value : ''
}
