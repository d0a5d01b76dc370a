/**
 * Longest identifier in UTF-8 bytes. The provider documents 48 for groups, 96 for topics and 32 for users, and has been
 * seen to send longer ones: the bound keeps keys small, it is no check of the provider.
 */
export const MAX_IDENTIFIER_BYTES = 256

/** Printable text: no control characters, no half of a surrogate pair, not empty, not longer than the bound. */
export function isIdentifier(text: string): boolean {
  if (text.length <= MAX_IDENTIFIER_BYTES && PLAIN.test(text)) return true
  return (
    text !== '' && !UNPRINTABLE.test(text) && new TextEncoder().encode(text).length <= MAX_IDENTIFIER_BYTES
  )
}

/** Nearly all are so: a byte a character, and none that has to be looked up. */
const PLAIN = /^[ -~]+$/

const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/u
