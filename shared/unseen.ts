/**
 * What a reader of a text does not see, what a terminal obeys, or what shows other text in another order than it has: names come from users.
 * Also what makes an emoji of several.
 */
export const UNSEEN = /[\p{DI}\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u2800]/gu

/**
 * Returns lines as a terminal may show them, with JSON's own escapes: JSON says the same afterwards. What users wrote stands in what commands
 * print, and so does what somebody else than a gateway answered.
 */
export const printable = (lines: string): string =>
  lines.replace(UNSEEN, (character) =>
    character === '\n' || character === '\t' ? character : escaped(character),
  )

/** Returns a value as JSON on one line, in which all that is unseen is escaped, so that it can be shown, and parsed to the same. */
export const visibleJson = (value: object): string => printable(JSON.stringify(value))

/** As JSON has it: each half of a pair by itself. */
const escaped = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('')
