import { isIdentifier, MAX_IDENTIFIER_BYTES } from '../../shared/identifier.ts'

/** What a field contains that contains neither what it should nor nothing. */
export const ODD = Symbol('odd')

/**
 * Returns the text of a field that holds an identifier. Undefined if it is missing, null or empty, which mean the same: typed
 * languages write all three. A whole number stands for its digits, as long as it is exact.
 */
export function textOf(value: unknown): string | undefined | typeof ODD {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return isIdentifier(value) ? value : ODD
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : ODD
}

export const TEXT_RULE = `must be printable text of at most ${MAX_IDENTIFIER_BYTES} bytes`

/** Returns a whole number from 1 to `max`, also if it is written in digits: the documents show both. */
export function wholeNumberOf(value: unknown, max: number): number | typeof ODD {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= max ? number : ODD
}
