/** A character of a term; quoted ones mean nothing but themselves. */
export interface Character {
  readonly character: string
  readonly quoted: boolean
}

/** A term as it stands in a filter, and its characters without quotes. */
export interface RawTerm {
  readonly text: string
  readonly characters: readonly Character[]
  /** Whether a quote is still open at the end. */
  readonly isOpen: boolean
}

/** Keyboards for Chinese write the curly ones, and the wide colon and comma below. */
const QUOTES = /^["“”]$/
const BLANK = /^\s$/
const ESCAPED = /^["“”\\]$/
/** Whatever would be read as something else, also what looks like a key with an equals sign. */
const NEEDS_QUOTES = /^-|[\s"“”,，:：<>]|^[a-z\d]+=/i

/** Splits a filter at blanks outside of quotes. Inside of them, a backslash stands before a quote or another backslash. */
export function splitTerms(filter: string): RawTerm[] {
  const terms: RawTerm[] = []
  let text = ''
  let characters: Character[] = []
  let quoted = false
  const end = (): void => {
    if (text !== '') terms.push({ text, characters, isOpen: quoted })
    text = ''
    characters = []
  }
  for (let i = 0; i < filter.length; i++) {
    const character = filter.charAt(i)
    if (!quoted && BLANK.test(character)) {
      end()
      continue
    }
    text += character
    if (QUOTES.test(character)) {
      quoted = !quoted
    } else if (quoted && character === '\\' && ESCAPED.test(filter.charAt(i + 1))) {
      i++
      text += filter.charAt(i)
      characters.push({ character: filter.charAt(i), quoted })
    } else characters.push({ character, quoted })
  }
  end()
  return terms
}

/** Splits characters at commas outside of quotes. */
export function splitValues(characters: readonly Character[]): string[] {
  const values = ['']
  for (const { character, quoted } of characters) {
    if (!quoted && (character === ',' || character === '，')) values.push('')
    else values[values.length - 1] += character
  }
  return values
}

/** Writes a value so that it is read as one. */
export const quote = (value: string): string =>
  NEEDS_QUOTES.test(value) ? `"${value.replace(/["“”\\]/g, String.raw`\$&`)}"` : value
