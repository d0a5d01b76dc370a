/**
 * What a reader of a text does not see, what a terminal obeys, or what shows other text in another order than it has: names come from users.
 * Also what makes an emoji of several.
 */
export const UNSEEN = /[\p{DI}\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u2800]/gu

/** Returns a value as JSON on one line, in which all that is unseen is escaped, so that it can be shown, and parsed to the same. */
export const visibleJson = (value: object): string => JSON.stringify(value).replace(UNSEEN, escaped)

/** As JSON has it: each half of a pair by itself. */
const escaped = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('')
