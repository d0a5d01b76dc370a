import { createHash } from 'node:crypto'
import { asGatewayError } from '../../shared/errors.ts'
import { matches } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import type { StoredEntry } from '../broker/log-reading.ts'
import { digestOf } from '../broker/chain.ts'
import type { Told } from '../broker/told.ts'
import type { EvidenceKey } from '../lib/evidence-keys.ts'
import { describe, FORMAT, isoOf, toLine } from './lines.ts'
import type { EntryLine, HeaderLine, HeadLine, MissingLine, SignatureLine } from './lines.ts'

const ENTRIES_PER_READ = 100
const MAX_TOLD = 1_000

const PROVES =
  'Whoever trusts the key can see that nothing in this file was changed, left out or moved since it was signed, and that each link follows from the entry and from the link before it.'
const DOES_NOT_PROVE =
  'It does not prove that the gateway, or who operates it or its store, did not change the log before: only a link or a head that was given away earlier does.'

/** Whoever reads the file must not take what is not in it for what never happened. */
const LACKS_OF_GROUP =
  'The log of a group ends when the group is dismissed: what was recalled before and stored afterwards is in the log of the feed only.'

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
  /** Waits before the next entry if the loop is late: a page of them is megabytes, which are hashed and parsed. */
  readonly goOn: () => Promise<void> | undefined
}

/** How a file ended. */
interface EvidenceEnd {
  /** Why it is not complete. */
  readonly code?: string
  readonly details: { readonly entries: number; readonly shown: number }
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
  { broker, key, app, environment, version, goOn }: EvidenceDependencies,
): AsyncGenerator<string, EvidenceEnd> {
  const { room, q, filter, sinceMs = -Infinity, untilMs = Infinity, askedBy } = request
  const askedAt = isoOf(Date.now()) ?? ''
  const written: Written = { lines: 0, entries: 0, shown: 0, first: null, last: null }
  const hash = createHash('sha256')
  /** The last entry before what was asked for. */
  let before: StoredEntry | undefined

  function line(value: HeaderLine | EntryLine | MissingLine): string {
    const text = toLine(value)
    hash.update(text)
    written.lines++
    return text
  }

  function headerLine(log: Log | undefined): string {
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
      doesNotProve: room.group === undefined ? DOES_NOT_PROVE : `${DOES_NOT_PROVE} ${LACKS_OF_GROUP}`,
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
    // What it tells cannot be known, so not whether the filter leaves it out.
    const shown = filter === undefined ? { entry: text } : {}
    if (notice === null) return line({ offset, keptAt, unreadable: true, ...shown, ...chain })
    if (filter !== undefined && !matches(filter, notice)) return line({ offset, keptAt, ...chain })
    written.shown++
    const recall = describe(text, subset)
    // What is noted may be of another notice, which the log has lost since.
    const isOfThis = told?.receivedAtMs === notice.receivedAtMs
    const firstTold = told && isOfThis ? { at: isoOf(told.atMs) ?? '', node: told.node } : null
    return line({ offset, ...(recall && { recall }), keptAt, firstTold, entry: text, ...chain })
  }

  function* ending(error?: {
    readonly message: string
    readonly code: string
  }): Generator<string, EvidenceEnd> {
    const problem = error?.message
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
    const { entries, shown } = written
    return { ...(error && { code: error.code }), details: { entries, shown } }
  }

  /** Nobody needs to know of what is before that which was asked for. */
  async function toldIn(page: readonly StoredEntry[]): Promise<ReadonlyMap<number, Told>> {
    const found = new Map<number, Told>()
    const last = page.at(-1)?.offset ?? 0
    let next = page.find((entry) => written.lines > 0 || !(timeOf(entry) < sinceMs))?.offset
    // Some may be missing in between.
    while (next !== undefined) {
      const first = next
      const end = Math.min(last, first + MAX_TOLD - 1)
      for (const [offset, told] of await broker.told({ room, first, last: end })) found.set(offset, told)
      next = page.find(({ offset }) => offset > end)?.offset
    }
    return found
  }

  /** The offset of the entry that is to follow; undefined before the first one. */
  const nextOffset = (): number | undefined => {
    const last = written.last ?? before
    return last && last.offset + 1
  }

  /** `from` to `to` are missing. They were trimmed while the file was written, unless the log still holds what is before them. */
  async function missingLine(from: number, to: number, isWithinPage: boolean): Promise<string> {
    const missing = { from, to }
    // A page is read at once.
    const oldest = isWithinPage ? 0 : (await broker.entries(room, 0, 1)).entries[0]?.offset
    return line(oldest !== undefined && oldest < from ? { missing, removed: true } : { missing })
  }

  const log = await openLog(broker, room)
  try {
    const end = log && (await endOf(log, untilMs))
    for await (const page of log?.pages() ?? []) {
      const told = await toldIn(page)
      for (const entry of page) {
        if (end !== undefined && entry.offset > end) break
        if (written.lines === 0 && timeOf(entry) < sinceMs) {
          before = entry
          continue
        }
        await goOn()
        if (written.lines === 0) yield headerLine(log)
        const expected = nextOffset() ?? entry.offset
        if (expected < entry.offset) yield await missingLine(expected, entry.offset - 1, entry !== page[0])
        yield entryLine(entry, told.get(entry.offset))
      }
      if (end !== undefined && (page.at(-1)?.offset ?? 0) >= end) break
    }
    if (written.lines === 0) yield headerLine(log)
    // The log may have lost the last ones while the others were read.
    const expected = nextOffset()
    if (end !== undefined && expected !== undefined && expected <= end)
      yield line({ missing: { from: expected, to: end } })
  } catch (error) {
    if (written.lines === 0) throw error
    return yield* ending(error instanceof LogLost ? error : asGatewayError(error))
  }
  return yield* ending()
}

/** By the store, or of an entry without a link by the receiver. */
const timeOf = ({ link, notice }: StoredEntry): number => link?.keptAtMs ?? notice?.receivedAtMs ?? NaN

/** The log is no longer the one that was begun to be read. */
class LogLost extends Error {
  readonly code = 'LOG_REPLACED'
}

/**
 * Returns the offset of the last entry that was stored before this time. Later ones may follow earlier ones, because the clock of the store
 * can go back: so the log is read to its end.
 */
async function endOf(log: Log, untilMs: number): Promise<number> {
  if (untilMs === Infinity) return log.head.offset
  let end = 0
  for await (const page of log.pages()) end = page.findLast((entry) => timeOf(entry) < untilMs)?.offset ?? end
  return end
}

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
        entries = next.entries
      }
    },
  }
}
