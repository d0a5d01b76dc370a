import { createHash } from 'node:crypto'
import { asGatewayError } from '../../shared/errors.ts'
import { matches } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker, StoredEntry } from '../broker/broker.ts'
import { digestOf } from '../broker/chain.ts'
import type { Told } from '../broker/told.ts'
import type { EvidenceKey } from './keys.ts'
import { describe, FORMAT, isoOf, toLine } from './lines.ts'
import type { EntryLine, HeaderLine, HeadLine, MissingLine, SignatureLine } from './lines.ts'

const ENTRIES_PER_READ = 100
const MAX_TOLD = 1_000

const PROVES =
  'Whoever trusts the key can see that nothing in this file was changed, left out or moved since it was signed, and that each link follows from the entry and from the link before it.'
const DOES_NOT_PROVE =
  'It does not prove that the gateway, or who operates it or its store, did not change the log before: only a link or a head that was given away earlier does.'

interface EvidenceRequest {
  readonly room: Room
  /** As it was asked for. */
  readonly q: string | undefined
  readonly filter: Filter | undefined
  /** Entries that were stored from then on; see `Link.keptAtMs`. */
  readonly sinceMs: number | undefined
  /** Entries that were stored before. */
  readonly untilMs: number | undefined
  readonly askedBy: string
}

interface EvidenceDependencies {
  readonly broker: Pick<Broker, 'entries' | 'told'>
  readonly key: EvidenceKey
  readonly app: string
  readonly environment: string | undefined
  /** Of the gateway. */
  readonly version: string
}

/** Counts what was written, for the head. */
interface Written {
  lines: number
  entries: number
  shown: number
  first: HeadLine['head']['first']
  last: HeadLine['head']['last']
}

/**
 * Returns the lines of a file of evidence about what a room's log holds now, as they are read. Rejects if nothing can be read; once
 * there is a line, an error ends the file with a head that says so.
 */
export async function* writeEvidence(
  request: EvidenceRequest,
  { broker, key, app, environment, version }: EvidenceDependencies,
): AsyncGenerator<string, void> {
  const { room, q, filter, sinceMs = -Infinity, untilMs = Infinity, askedBy } = request
  const askedAt = isoOf(Date.now()) ?? ''
  const written: Written = { lines: 0, entries: 0, shown: 0, first: null, last: null }
  const hash = createHash('sha256')

  function line(value: HeaderLine | EntryLine | MissingLine): string {
    const text = toLine(value)
    hash.update(text)
    written.lines++
    return text
  }

  function headerLine(log: Log | undefined, before: StoredEntry | undefined): string {
    return line({
      recallGatewayEvidence: FORMAT,
      app,
      ...(environment !== undefined && { environment }),
      room,
      filter: {
        ...(q !== undefined && { q }),
        ...(request.sinceMs !== undefined && { since: isoOf(sinceMs) ?? '' }),
        ...(request.untilMs !== undefined && { until: isoOf(untilMs) ?? '' }),
      },
      askedBy,
      askedAt,
      gateway: version,
      logEnd: log?.head ?? null,
      logBegin:
        log?.oldest === undefined ? null : { offset: log.oldest.offset, at: isoOf(timeOf(log.oldest)) },
      before: before === undefined ? null : { offset: before.offset, link: before.link?.link ?? null },
      proves: PROVES,
      doesNotProve: DOES_NOT_PROVE,
    })
  }

  function entryLine(entry: StoredEntry, told: Told | undefined): string {
    const { offset, text, subset, notice, link } = entry
    written.entries++
    const linkAt = { offset, link: link?.link ?? null }
    written.first ??= linkAt
    written.last = linkAt
    const chain = {
      digest: digestOf(text),
      subset,
      keptAtMs: link?.keptAtMs ?? null,
      ...(link?.epoch !== undefined && { epoch: link.epoch }),
      link: link?.link ?? null,
    }
    const keptAt = isoOf(link?.keptAtMs)
    if (notice === null) return line({ offset, keptAt, unreadable: true, ...chain })
    if (filter !== undefined && !matches(filter, notice)) return line({ offset, keptAt, ...chain })
    written.shown++
    const recall = describe(text, subset)
    // What is noted may be of another notice, which the log has lost since.
    const isOfThis = told?.receivedAtMs === notice.receivedAtMs
    const firstTold = told && isOfThis ? { at: isoOf(told.atMs) ?? '', node: told.node } : null
    return line({ offset, ...(recall && { recall }), keptAt, firstTold, entry: text, ...chain })
  }

  function* ending(problem?: string): Generator<string, void> {
    const head = toLine({
      head: {
        recallGatewayEvidence: FORMAT,
        app,
        room,
        ...written,
        sha256: hash.digest('hex'),
        complete: problem === undefined,
        ...(problem !== undefined && { problem }),
        signedAt: isoOf(Date.now()) ?? '',
      },
    } satisfies HeadLine)
    yield head
    const signature = key.sign(Buffer.from(head.slice(0, -1)))
    yield toLine({ signature, key: key.id, publicKey: key.publicKey } satisfies SignatureLine)
  }

  /** Nobody needs to know of a page that is before what was asked for. */
  async function toldIn(page: readonly StoredEntry[]): Promise<ReadonlyMap<number, Told> | undefined> {
    const [first, last] = [page[0], page.at(-1)]
    if (first === undefined || last === undefined || timeOf(last) < sinceMs) return undefined
    // Some may be missing in between.
    const end = Math.min(last.offset, first.offset + MAX_TOLD - 1)
    return await broker.told({ room, first: first.offset, last: end })
  }

  const log = await openLog(broker, room)
  let before: StoredEntry | undefined
  try {
    for await (const page of log?.pages() ?? []) {
      const told = await toldIn(page)
      let isOver = false
      for (const entry of page) {
        const atMs = timeOf(entry)
        if (written.lines === 0 && atMs < sinceMs) {
          before = entry
          continue
        }
        isOver ||= atMs >= untilMs
        if (isOver) break
        if (written.lines === 0) yield headerLine(log, before)
        const expected = (written.last?.offset ?? before?.offset ?? entry.offset - 1) + 1
        if (entry.offset > expected) yield line({ missing: { from: expected, to: entry.offset - 1 } })
        yield entryLine(entry, told?.get(entry.offset))
      }
      if (isOver) break
    }
    if (written.lines === 0) yield headerLine(log, before)
  } catch (error) {
    if (written.lines === 0) throw error
    return yield* ending(error instanceof LogLost ? error.message : asGatewayError(error).message)
  }
  yield* ending()
}

/** By the store, or of an entry without a link by the receiver. */
const timeOf = ({ link, notice }: StoredEntry): number => link?.keptAtMs ?? notice?.receivedAtMs ?? NaN

/** The log is no longer the one that was begun to be read. */
class LogLost extends Error {}

interface Log {
  /** Where it ended when it was opened: it is read up to there. */
  readonly head: Position
  readonly oldest: StoredEntry | undefined
  pages(): AsyncGenerator<readonly StoredEntry[], void>
}

async function openLog(broker: EvidenceDependencies['broker'], room: Room): Promise<Log | undefined> {
  const { head, entries: first } = await broker.entries(room, 0, ENTRIES_PER_READ)
  if (head === undefined) return undefined
  return {
    head,
    oldest: first[0],
    async *pages() {
      let entries = first
      for (;;) {
        const last = entries.at(-1)?.offset
        if (last === undefined) return
        yield entries.filter(({ offset }) => offset <= head.offset)
        if (last >= head.offset) return
        const next = await broker.entries(room, last, ENTRIES_PER_READ)
        if (next.head?.epoch !== head.epoch)
          throw new LogLost('the log got another epoch while it was read: ask for the file again')
        if (next.entries.length === 0)
          throw new LogLost('the log was emptied while it was read: ask for the file again')
        entries = next.entries
      }
    },
  }
}
