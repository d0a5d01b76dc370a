/** What a reader does not see, what looks like a plain space and is none, or what shows other text in another order than it has. */
const UNSEEN = /[\p{DI}\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}|^ +| +$/gu
/** Part of an emoji, or chooses how one is drawn. */
const OF_EMOJI = /^(?:\u200d|\ufe0e|\ufe0f)$/u
const ENDS_WITH_EMOJI = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\u20e3]\ufe0f?$/u

export interface TextPart {
  readonly text: string
  /** Whether a reader would not see it, or be misled by it. */
  readonly isUnseen: boolean
}

/** Splits a text from outside into what a reader sees, and what only a mark can show. Joined, the parts are the text. */
export function splitUnseen(text: string): readonly TextPart[] {
  const parts: TextPart[] = []
  let seen = ''
  let from = 0
  for (const match of text.matchAll(UNSEEN)) {
    seen += text.slice(from, match.index)
    from = match.index + match[0].length
    const isKeycap = text[from] === '\u20e3' && /[\d#*]$/.test(seen)
    if (OF_EMOJI.test(match[0]) && (isKeycap || ENDS_WITH_EMOJI.test(seen))) {
      seen += match[0]
      continue
    }
    if (seen !== '') parts.push({ text: seen, isUnseen: false })
    seen = ''
    parts.push({ text: match[0], isUnseen: true })
  }
  seen += text.slice(from)
  if (seen !== '') parts.push({ text: seen, isUnseen: false })
  return parts
}

/** Returns `U+202E` and the like: one for each character. */
export const codePoints = (text: string): string =>
  Array.from(text, (character) => `U+${hex(character.codePointAt(0) ?? 0)}`).join(' ')

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0')

/**
 * Returns a name from outside as plain text that reads as nothing else, for titles, labels and notifications, where there is
 * no markup: what is unseen is named, and the name stands in an isolate of its own.
 */
export function visibleText(name: string): string {
  const parts = splitUnseen(name)
  const text = parts.map((part) => (part.isUnseen ? `‹${codePoints(part.text)}›` : part.text)).join('')
  return PLAIN.test(text) ? text : `\u2068${text}\u2069`
}

/** Cannot reorder what is around it. */
const PLAIN = /^[ -~]*$/
