/**
 * The maximum length of an identifier in UTF-8 bytes. Tencent documents 48 for groups, 96 for topics and 32 for users, but
 * has been seen to send longer ones. The limit keeps keys small; it does not check Tencent's own limits.
 */
export const MAX_IDENTIFIER_BYTES = 256

/**
 * Returns whether a text is printable, not empty, and within the limit: no control characters, no lone surrogates, and nothing
 * that is no character, or stands for one that somebody could not read. Identifiers are compared character by character, so
 * characters that a font does not show, or that change the direction of text, are part of them like any other.
 */
export function isIdentifier(text: string): boolean {
  if (text.length <= MAX_IDENTIFIER_BYTES && PRINTABLE_ASCII.test(text)) return true
  return (
    text !== '' && !UNPRINTABLE.test(text) && new TextEncoder().encode(text).length <= MAX_IDENTIFIER_BYTES
  )
}

/** Fast path for nearly all identifiers: one byte per character, nothing to encode. */
const PRINTABLE_ASCII = /^[ -~]+$/

const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u2028\u2029\uFFFD]/u
