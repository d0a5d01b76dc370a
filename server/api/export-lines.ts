import type { SearchHit, SearchResponse } from '../../shared/http-api/search.ts'
import { CSV_TYPE, JSON_LINES_TYPE } from '../../shared/limits.ts'
import type { RecalledMessage } from '../../shared/message.ts'
import { isoOf } from '../evidence/lines.ts'

/** How an export ended. */
interface ExportEnd {
  /** Whether it has everything that the log held: it ended without an error, and every entry could be read. */
  readonly complete: boolean
  /** The code of the error that ended it early. */
  readonly code?: string
  readonly recalls: number
  /** How many entries nobody can read, which may have matched. Missing if there were none. */
  readonly unreadable?: number
  /** When the oldest entry of the log was stored, in ms since 1970; null if it holds none. */
  readonly keptSinceMs: number | null
  readonly beyond?: SearchResponse['beyond']
}

/** How recalls are written as text. Each part ends with the end of a line. */
interface ExportFormat {
  readonly contentType: string
  readonly head: string
  recall(hit: SearchHit): string
  end(end: ExportEnd): string
}

const jsonLines: ExportFormat = {
  contentType: JSON_LINES_TYPE,
  head: '',
  recall: ({ room, epoch, notice }) =>
    line({
      type: 'recall',
      // Null for what is no time: whoever can write to Redis may store any number.
      recalledAt: isoOf(notice.recalledAtMs),
      receivedAt: isoOf(notice.receivedAtMs),
      room,
      epoch,
      notice,
    }),
  end: ({ complete, keptSinceMs, ...end }) =>
    line({ type: 'end', complete, ...end, keptSince: isoOf(keptSinceMs) }),
}

const line = (value: object): string => `${JSON.stringify(value)}\n`

/**
 * Where a spreadsheet takes what follows for a formula, also in the wide characters of Chinese keyboards: at the beginning of a cell, and
 * behind a semicolon or line break, at which Excel ends cells in countries that write `1,5`, whatever the quotes.
 */
const FORMULA = /^(?=[=+\-@\t\r\n＝＋－＠])|(?<=[;\t\r\n])(?=[\s"]*[=+\-@＝＋－＠])/g

/** The first names what the row is: `recall`, or in the last one `end`. */
const COLUMNS = (
  'row,recalled_at,received_at,kind,group,topic,user_1,user_2,official,type,operator,sender,' +
  'seq,msg_id,msg_key,test,untimed,platform,address,epoch,offset'
).split(',')

/**
 * RFC 4180, a row for each message. It begins with a byte order mark, without which Excel reads Chinese names in another encoding. An
 * apostrophe stands before whatever a spreadsheet would take for a formula, as OWASP recommends ("CSV Injection").
 */
const csv: ExportFormat = {
  contentType: CSV_TYPE,
  head: `\uFEFF${rowOf(COLUMNS)}`,
  recall: (hit) => hit.notice.messages.map((message) => rowOf(cellsOf(hit, message))).join(''),
  end: (end) => rowOf(['end', sentenceOf(end), ...COLUMNS.slice(2).map(() => '')]),
}

function sentenceOf({ complete, code, recalls, unreadable = 0, keptSinceMs, beyond }: ExportEnd): string {
  if (code !== undefined) return `incomplete: ${recalls} recalls, then ${code}. Export again`
  const oldest = isoOf(keptSinceMs) ?? 'a time that is none'
  const since = keptSinceMs === null ? 'nothing is stored' : `of what was received since ${oldest}`
  const lacks = unreadable > 0 ? ` ${unreadable} entries cannot be read,` : ''
  const elsewhere = beyond === 'conversations' ? '; logs of conversations may reach back further' : ''
  return `${complete ? 'complete' : 'incomplete'}: ${recalls} recalls,${lacks} ${since}${elsewhere}`
}

function cellsOf({ epoch, notice }: SearchHit, { seq, id, key }: RecalledMessage): Cell[] {
  const { group, topic, c2c, official, test = false, untimed = false } = notice
  const times = [isoOf(notice.recalledAtMs) ?? '', isoOf(notice.receivedAtMs) ?? '']
  const where = [kindOf(notice), group, topic, c2c?.[0], c2c?.[1], official, notice.groupType]
  const what = [notice.operator, notice.sender, seq, id, key, test, untimed, notice.platform, notice.address]
  return ['recall', ...times, ...where, ...what, epoch, notice.offset]
}

const kindOf = ({ group, c2c }: SearchHit['notice']): string => {
  if (group !== undefined) return 'group'
  return c2c === undefined ? 'official' : 'c2c'
}

type Cell = string | number | boolean | undefined

function rowOf(cells: readonly Cell[]): string {
  return `${cells.map(cell).join(',')}\r\n`
}

function cell(value: Cell): string {
  if (value === undefined || value === '') return ''
  // Nothing else than these is safe without quotes, whatever the types promise of what stands in Redis.
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return `"${value.replaceAll(FORMULA, "'").replaceAll('"', '""')}"`
}

export const EXPORT_FORMATS = { csv, jsonl: jsonLines } as const
