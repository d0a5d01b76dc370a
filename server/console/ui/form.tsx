import { isIdentifier, MAX_IDENTIFIER_BYTES } from '../../../shared/identifier.ts'
import { useLocale } from '../i18n/i18n.ts'

interface IdentifierInputProps {
  readonly name: string
  readonly label: string
  readonly required?: boolean
  readonly placeholder?: string
}

/** A field for the identifier of a group or topic. */
export function IdentifierInput({ name, label, required = false, placeholder }: IdentifierInputProps) {
  const { t } = useLocale()
  return (
    <label>
      {label}
      <input
        name={name}
        required={required}
        placeholder={placeholder}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        dir="auto"
        onInput={({ currentTarget: input }) =>
          input.setCustomValidity(
            input.value === '' || isIdentifier(input.value)
              ? ''
              : t.rooms.invalidIdentifier(MAX_IDENTIFIER_BYTES),
          )
        }
      />
    </label>
  )
}

/** Returns the text of the named field, empty if there is none. */
export function fieldValue(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name)
  return typeof value === 'string' ? value : ''
}
