import type { QuarantinedWhole } from '../../../shared/http-api/quarantine.ts'

/** More of a body would make the page slow. */
const MAX_CHARACTERS = 100_000
const MAX_DUMPED_BYTES = 2_048
const BYTES_PER_LINE = 16
/** Above this, the nesting of a body is shown no deeper. */
const MAX_INDENT = 40

/** A body as text that can be shown. */
export interface BodyText {
  readonly form: 'json' | 'text' | 'hex' | 'none'
  readonly text: string
  /** How many bytes are not shown. The gateway itself cuts off what is very large. */
  readonly omitted: number
  /** Whether characters that are invisible or change the direction of text are shown as `\uXXXX`. */
  readonly isEscaped: boolean
}

/** Returns the body of an entry to look at: JSON indented unless it is wanted `asReceived`, bytes that are no UTF-8 in hexadecimal. */
export function bodyText({ body, bodyBase64, bytes }: QuarantinedWhole, asReceived = false): BodyText {
  if (bodyBase64 !== undefined) return dump(bodyBase64, bytes)
  if (body === undefined || body === '') return { form: 'none', text: '', omitted: 0, isEscaped: false }
  const isJson = !asReceived && body.length <= MAX_CHARACTERS && isValidJson(body)
  const shown = body.slice(0, MAX_CHARACTERS)
  const text = escape(isJson ? indent(shown) : shown)
  return {
    form: isJson ? 'json' : 'text',
    text: text.escaped,
    omitted: Math.max(0, bytes - new TextEncoder().encode(shown).length),
    isEscaped: text.isEscaped,
  }
}

function isValidJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs

/** Indents valid JSON without reading it: `JSON.parse` would round large numbers and hide keys that are there twice. */
function indent(json: string): string {
  let depth = 0
  let text = ''
  let previous = ''
  const line = (): string => `\n${'  '.repeat(Math.min(depth, MAX_INDENT))}`
  for (const [token] of json.matchAll(TOKEN)) {
    const isEnd = token === '}' || token === ']'
    if (isEnd) depth--
    const isOpened = previous === '{' || previous === '['
    if (isEnd ? !isOpened : isOpened || previous === ',') text += line()
    text += token === ':' ? ': ' : token
    if (token === '{' || token === '[') depth++
    previous = token
  }
  return text
}

/** What a reader does not see, or what shows other text in another order than it has. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0]/gu
const LAYOUT = '\n\t\r'

function escape(text: string): { readonly escaped: string; readonly isEscaped: boolean } {
  let isEscaped = false
  const escaped = text.replaceAll(UNSEEN, (character) => {
    if (LAYOUT.includes(character)) return character
    isEscaped = true
    return Array.from(character.split(''), (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`).join('')
  })
  return { escaped, isEscaped }
}

/** Lines of an offset, 16 bytes, and the same as ASCII. */
function dump(base64: string, size: number): BodyText {
  const bytes = decodeBase64(base64)
  const shown = bytes.slice(0, MAX_DUMPED_BYTES)
  const lines: string[] = []
  for (let from = 0; from < shown.length; from += BYTES_PER_LINE) {
    const part = Array.from(shown.subarray(from, from + BYTES_PER_LINE))
    const numbers = part.map((byte) => hex(byte, 2)).join(' ')
    const ascii = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${hex(from, 4)}  ${numbers.padEnd(BYTES_PER_LINE * 3 - 1)}  ${ascii}`)
  }
  return { form: 'hex', text: lines.join('\n'), omitted: Math.max(0, size - shown.length), isEscaped: false }
}

function decodeBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
