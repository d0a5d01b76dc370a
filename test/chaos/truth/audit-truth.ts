import { isFeed } from '../../../shared/room.ts'
import type { SentRecall } from '../recorder.ts'
import type { Span, TruthRecord } from './truth-record.ts'

/** What real clients said and did, compared with what was acknowledged. */
export interface TruthFigures {
  /** Acknowledged recalls that a listener was not told, although it listens. A gap is no excuse. */
  readonly missed: number
  /** Recalls that a listener was told, and returned for, more than once without a gap in between. */
  readonly repeated: number
  /** The longest time for which a client said that it is live although it owed a notice for longer than it may. */
  readonly longestUntrueMs: number
  /** What was missed, repeated or untrue, in words: the first few. */
  readonly lies: readonly string[]
}

/** A notice may be on its way for this long while its client is live. */
const MAX_OWED_MS = 3_000
/** A client notices within this time that nothing comes through a connection that is still open. */
export const MAX_STALL_MS = 10_000
/** After a stall, what waited arrives in this time. */
const AFTER_STALL_MS = 3_000
/** The clocks and turns of this process, and of a busy machine. */
const TOLERANCE_MS = 750
const MAX_LIES = 5

/** At every moment until `nowMs` in which a client says that it is live, it has told what was kept 3 s before. Pure. */
export function auditTruth(
  recalls: readonly SentRecall[],
  records: readonly TruthRecord[],
  nowMs: number,
): TruthFigures {
  const lies: string[] = []
  let [missed, repeated, longestUntrueMs] = [0, 0, 0]
  for (const record of records) {
    const repeats = repeatsOf(record)
    repeated += repeats.length
    if (repeats.length > 0) lies.push(`${record.name} was told twice: ${some(repeats)}`)
    const misses: number[] = []
    let worst: { readonly seq: number; readonly span: Required<Span> } | undefined
    const claimed = claimedSpans(record)
    const earliest = firstLive(record)
    const told = firstTold(record)
    for (const recall of recalls) {
      if (!isExpected(recall, record, earliest)) continue
      const toldAtMs = told.get(recall.seq)
      if (toldAtMs === undefined && isFollowing(record)) misses.push(recall.seq)
      const settledAtMs = toldAtMs ?? record.gaps.find((gap) => gap >= recall.sentAtMs)
      for (const span of untrue(recall, settledAtMs ?? nowMs, record, claimed)) {
        if (lengthOf(span) > (worst === undefined ? TOLERANCE_MS : lengthOf(worst.span)))
          worst = { seq: recall.seq, span }
      }
    }
    missed += misses.length
    if (misses.length > 0) lies.push(`${record.name} missed ${some(misses)}`)
    if (worst === undefined) continue
    longestUntrueMs = Math.max(longestUntrueMs, Math.round(lengthOf(worst.span)))
    lies.push(
      `${record.name} was live for ${Math.round(lengthOf(worst.span))} ms owing ${worst.seq}, ${story(record, worst.seq, recalls)}`,
    )
  }
  return { missed, repeated, longestUntrueMs, lies: lies.slice(0, MAX_LIES) }
}

/** From when on a listener must be told everything: it was live for the first time. */
function firstLive({ claims, followed: [first] }: TruthRecord): number {
  if (first === undefined) return Infinity
  return claims.find(({ kind, atMs }) => kind === 'live' && atMs >= first.fromMs)?.atMs ?? Infinity
}

const isExpected = (
  { status, group, sentAtMs }: SentRecall,
  { room }: TruthRecord,
  earliest: number,
): boolean => status === 200 && sentAtMs > earliest && (isFeed(room) || room.group === group)

const isFollowing = ({ followed }: TruthRecord): boolean => {
  const last = followed.at(-1)
  return last !== undefined && last.toMs === undefined
}

function firstTold({ told }: TruthRecord): ReadonlyMap<number, number> {
  const first = new Map<number, number>()
  for (const { seq, atMs } of told) if (!first.has(seq)) first.set(seq, atMs)
  return first
}

/** Seqs that were told again although their listener had returned while it was there. */
function repeatsOf({ told, gaps, followed, mayRepeatAfterKill }: TruthRecord): number[] {
  const repeats: number[] = []
  const last = new Map<number, number>()
  for (const { seq, calledAtMs, atMs, isLate } of told) {
    const before = last.get(seq)
    const isExcused =
      before !== undefined &&
      (gaps.some((gap) => gap >= before && gap <= atMs) ||
        (mayRepeatAfterKill && followed.some(({ toMs = 0 }) => toMs >= before && toMs - before < 1_000)))
    // A call that began before that is one that was abandoned, and ends late.
    if (before !== undefined && calledAtMs >= before && !isExcused) repeats.push(seq)
    if (!isLate) last.set(seq, atMs)
  }
  return repeats
}

/** The spans in which the client said that it is live, and listened, in order. */
function claimedSpans({ claims, followed }: TruthRecord): Required<Span>[] {
  const lives = claims.flatMap(({ kind, atMs }, i) =>
    kind === 'live' ? [{ fromMs: atMs, toMs: claims[i + 1]?.atMs ?? Infinity }] : [],
  )
  return followed.flatMap(({ fromMs, toMs = Infinity }) => within({ fromMs, toMs }, lives))
}

/** The spans in which the client was live, listened, and owed this recall for too long. */
function untrue(
  { respondedAtMs: keptAtMs = Infinity }: SentRecall,
  settledAtMs: number,
  { stalls }: TruthRecord,
  claimed: readonly Required<Span>[],
): Required<Span>[] {
  let fromMs = keptAtMs + MAX_OWED_MS
  // Nothing tells the client of what happens behind a connection that is open and silent, until it has been silent for long.
  for (const stall of stalls)
    if (stall.fromMs < fromMs && (stall.toMs ?? Infinity) > keptAtMs)
      fromMs = Math.max(
        fromMs,
        Math.min(stall.fromMs + MAX_STALL_MS, (stall.toMs ?? Infinity) + AFTER_STALL_MS),
      )
  if (settledAtMs <= fromMs) return []
  return within({ fromMs, toMs: settledAtMs }, claimed)
}

/** The parts of spans, which are in order, within another one. Quick, because a long run has many. */
function within(whole: Required<Span>, spans: readonly Required<Span>[]): Required<Span>[] {
  const parts: Required<Span>[] = []
  for (const span of spans) {
    if (span.fromMs >= whole.toMs) break
    if (span.toMs > whole.fromMs) parts.push(...intersect(whole, span))
  }
  return parts
}

function intersect(one: Required<Span>, other: Required<Span>): Required<Span>[] {
  const span = { fromMs: Math.max(one.fromMs, other.fromMs), toMs: Math.min(one.toMs, other.toMs) }
  return span.fromMs < span.toMs ? [span] : []
}

const lengthOf = ({ fromMs, toMs }: Required<Span>): number => toMs - fromMs

const some = (seqs: readonly number[]): string =>
  `${seqs.length} recalls (${[...new Set(seqs)].slice(0, 5).join(', ')})`

/** When a recall was kept and told, and what the client said around it, in seconds. */
function story(record: TruthRecord, seq: number, recalls: readonly SentRecall[]): string {
  const keptAtMs = recalls.find((recall) => recall.seq === seq)?.respondedAtMs ?? 0
  const s = (atMs: number): string => ((atMs - keptAtMs) / 1_000).toFixed(1)
  const toldAtMs = firstTold(record).get(seq)
  const claims = record.claims.filter(({ atMs }) => atMs > keptAtMs - 5_000 && atMs < keptAtMs + 20_000)
  const said = claims.map(({ kind, atMs }) => `${kind} ${s(atMs)}`).join(', ')
  return `told ${toldAtMs === undefined ? 'never' : `after ${s(toldAtMs)} s`} (it said, relative to that: ${said})`
}
