import { UNSEEN } from '../../shared/unseen.ts'

/** Returns lines whose columns stand below each other. Columns of numbers are aligned to the right. */
export function tableOf(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((name, i) => Math.max(...[name, ...rows.map((row) => row[i] ?? '')].map(widthOf)))
  const isNumeric = header.map((_, i) => rows.every((row) => /^[\d.,]*( \w+)?$/.test(row[i] ?? '')))
  return [header, ...rows].map((row) =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat((widths[i] ?? 0) - widthOf(cell))
        return isNumeric[i] ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd(),
  )
}

/** Of East Asian scripts and emoji, which terminals show in two columns (Unicode Standard Annex #11). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303E\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6]/gu
const MARKS = /\p{M}/gu

/** Returns how many columns of a terminal a text takes. */
const widthOf = (text: string): number => {
  const shown = text.replaceAll(MARKS, '')
  return Array.from(shown).length + (shown.match(WIDE)?.length ?? 0)
}

/**
 * Returns a text as a terminal may show it: names come from users, and could move the cursor, hide themselves or turn the line
 * around. Such characters are written as their code points.
 */
export const visible = (text: string): string =>
  text.replaceAll(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`)

/** The beginning of the id of a process, by which people tell them apart. */
export const shortId = (id: string): string => visible(id).slice(0, 8)

/** A process with the host on which it runs or ran, as far as that is known. */
export const nameOf = (id: string, host: string | undefined): string =>
  `${shortId(id)}${host === undefined ? '' : ` (${visible(host)})`}`
