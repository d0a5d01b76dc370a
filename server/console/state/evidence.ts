import { isRecord, parseRecord } from '../../../shared/json.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { formatFilter } from '../../../shared/filter.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'

/** The last two lines of a file of evidence are shorter together. */
const MAX_TAIL_BYTES = 16_384
/** The limit of the filter language. */
const MAX_FILTER_LENGTH = 1_000

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

/** Returns a search that finds the recall by its messages; empty, which is all recalls, if it has too many of them. */
export function searchFor({ messages }: Notice | MemberNotice): string {
  const seqs = messages.flatMap(({ seq }) => seq ?? [])
  const text =
    seqs.length === messages.length
      ? formatFilter({
          terms: [{ excludes: false, key: 'seq', ranges: seqs.map((seq) => ({ first: seq, last: seq })) }],
        })
      : formatFilter({
          terms: [
            { excludes: false, key: 'msgid', values: new Set(messages.flatMap(({ key }) => key ?? [])) },
          ],
        })
  return text.length <= MAX_FILTER_LENGTH ? text : ''
}
