import { ErrorReply, NOT_AN_INTEGER } from './reply.ts'

const NUMERIC =
  /^[ \t\n\v\f\r]*([+-]?)(?:(0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p[+-]?\d+)?)|(inf(?:inity)?)|(nan)|((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))/i

/** As `strtod` of C: the number at the start of the text, and the length of what was read, 0 for none. */
export function strtod(text: string): { readonly value: number; readonly length: number } {
  // Most are plain integers.
  if (/^\d{1,15}$/.test(text)) return { value: Number(text), length: text.length }
  const [all = '', sign, hexadecimal, infinity, nan, decimal] = NUMERIC.exec(text) ?? []
  if (all === '') return { value: 0, length: 0 }
  const size =
    hexadecimal !== undefined
      ? fromHexadecimal(hexadecimal)
      : infinity !== undefined
        ? Infinity
        : nan !== undefined
          ? NaN
          : Number(decimal)
  return { value: sign === '-' ? -size : size, length: all.length }
}

function fromHexadecimal(text: string): number {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^0x([\da-f]*)\.?([\da-f]*)(?:p(.*))?$/i.exec(text) ?? []
  return (Number.parseInt(whole + fraction, 16) || 0) * 2 ** (Number(exponent) - 4 * fraction.length)
}

/** As `%.17g` of C: what Redis sends for a double. */
export const formatDouble = (value: number): string => formatG(value, 17)

/** As `%.<precision>g` of C. */
export function formatG(value: number, precision: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 10 ** Math.min(precision, 15))
    return Object.is(value, -0) ? '-0' : String(value)
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const [mantissa = '', exponentText = ''] = value.toExponential(precision - 1).split('e')
  const exponent = Number(exponentText)
  if (exponent >= -4 && exponent < precision) return withoutZeros(value.toFixed(precision - 1 - exponent))
  const digits = String(Math.abs(exponent)).padStart(2, '0')
  return `${withoutZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${digits}`
}

const withoutZeros = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

/** As `%.0f` of C: rounds half to even. */
export function formatRounded(value: number): string {
  if (!Number.isFinite(value)) return formatG(value, 17)
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return formatG(value, 17)
  const below = Math.floor(value)
  const rest = value - below
  const rounded = rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1
  return rounded === 0 && (value < 0 || Object.is(value, -0)) ? '-0' : BigInt(rounded).toString()
}

/** As C converts a double to a signed integer of 64 bits, on the usual processors: what does not fit becomes the smallest one. */
export function formatInteger(value: number): string {
  if (Math.abs(value) < 1e15) return String(Math.trunc(value) + 0)
  return Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)).toString() : String(MIN_INT64)
}

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)

/** Reads an argument that must be a signed integer of 64 bits. Beyond 2^53, the result is the nearest double. */
export function toInteger(text: string, message = NOT_AN_INTEGER): number {
  if (!/^(?:0|-?[1-9]\d{0,18})$/.test(text)) throw new ErrorReply(message)
  if (text.length > 15) {
    const exact = BigInt(text)
    if (exact > MAX_INT64 || exact < MIN_INT64) throw new ErrorReply(message)
  }
  return Number(text)
}

/** Reads a score, as an argument of ZADD: surrounding spaces and rests are errors. */
export function toScore(text: string): number | undefined {
  const { value, length } = strtod(text)
  const isWhole = length > 0 && length === text.length && !/^[ \t\n\v\f\r]/.test(text)
  const isOverflow = !Number.isFinite(value) && !/inf/i.test(text)
  return isWhole && !isOverflow ? value : undefined
}
