import { isRecord, parseRecord } from '../../../shared/json.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { formatFilter, MAX_FILTER_LENGTH } from '../../../shared/filter.ts'
import type { Filter } from '../../../shared/filter.ts'
import type { SeqRange } from '../../../shared/filter/term.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import { isDate } from '../../../shared/recall.ts'

/** The last two lines of a file of evidence are shorter together. */
const MAX_TAIL_BYTES = 16_384

/** What the end of a file of evidence says. */
export interface EvidenceEnd {
  /** The id of the key that signed it. */
  readonly key: string
  readonly publicKey: string
  readonly entries: number
  readonly shown: number
  /** Why the file does not hold all that was asked for. */
  readonly problem: string | undefined
}

/** Keeps the end of a stream of bytes. */
export class Tail {
  #bytes = new Uint8Array()

  add(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + chunk.length)
    all.set(this.#bytes)
    all.set(chunk, this.#bytes.length)
    this.#bytes = all.slice(-MAX_TAIL_BYTES)
  }

  get text(): string {
    return new TextDecoder().decode(this.#bytes)
  }
}

/** Reads the last two lines of a file; undefined if they are not those of evidence: the file was cut off. */
export function parseEvidenceEnd(text: string): EvidenceEnd | undefined {
  const [headLine, signatureLine] = text.trimEnd().split('\n').slice(-2)
  const signature = parseRecord(signatureLine ?? '')
  const head = parseRecord(headLine ?? '')?.['head']
  if (signature === undefined || !isRecord(head)) return undefined
  const { key, publicKey } = signature
  const { entries, shown, problem } = head
  if (typeof key !== 'string' || typeof publicKey !== 'string') return undefined
  if (typeof entries !== 'number' || typeof shown !== 'number') return undefined
  return { key, publicKey, entries, shown, problem: typeof problem === 'string' ? problem : undefined }
}

export const evidenceName = (room: Room): string =>
  `evidence-${roomName(room)
    .replaceAll(/[^\w.-]+/g, '_')
    .slice(0, 80)}-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.jsonl`

/**
 * Returns a search that finds the recall in the log of its conversation: by its messages or, if these are too many for a search, by its
 * times, to the millisecond.
 */
export function searchFor(notice: MemberNotice | Notice): string {
  const { messages, recalledAtMs } = notice
  const seqs = messages.flatMap(({ seq }) => seq ?? [])
  const text =
    seqs.length === messages.length
      ? formatFilter({ terms: [{ excludes: false, key: 'seq', ranges: rangesOf(seqs) }] })
      : formatFilter({
          terms: [
            { excludes: false, key: 'msgid', values: new Set(messages.flatMap(({ key }) => key ?? [])) },
          ],
        })
  if (text.length <= MAX_FILTER_LENGTH) return text
  return formatFilter({
    terms: [
      ...timeTerms('recalled', recalledAtMs),
      ...('receivedAtMs' in notice ? timeTerms('received', notice.receivedAtMs) : []),
    ],
  })
}

/** Consecutive seqs are one range. */
function rangesOf(seqs: readonly number[]): readonly SeqRange[] {
  const ranges: SeqRange[] = []
  for (const seq of seqs.toSorted((one, other) => one - other)) {
    const range = ranges.at(-1)
    if (range !== undefined && seq <= range.last + 1) ranges[ranges.length - 1] = { ...range, last: seq }
    else ranges.push({ first: seq, last: seq })
  }
  return ranges
}

/** None for what is no time: a filter cannot say it. */
const timeTerms = (key: 'recalled' | 'received', atMs: number): Filter['terms'] =>
  isDate(atMs) && isDate(atMs + 1)
    ? [
        { excludes: false, key, fromMs: atMs },
        { excludes: false, key, beforeMs: atMs + 1 },
      ]
    : []
