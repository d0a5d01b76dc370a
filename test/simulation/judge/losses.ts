import type { Entry, EntryOf } from '../history.ts'
import type { Plan } from '../spec.ts'
import { faultEndMs } from './fault-ends.ts'
import { keyOf } from './recalls.ts'
import type { Recall } from './recalls.ts'

/** Redis loses what it had confirmed. */
const LOSS = /emptied|restarted empty|without its latest|rolled back|everything without power/
/** Every process of the gateway ends. */
const END = /all gateways|everything/
const DISK = /disk/
const FROZEN = /gateway frozen/
/** A loss counts as unknown from shortly before all have ended, while they cannot have looked. */
const ENDED_MS = 2_000
const HIDDEN_MS = 15_000
/** What Redis has confirmed is on the disk of the receiver after 200 ms in which that runs, and a flush. */
const COPIED_MS = 500
/** A disk that has failed is tried again each second. */
const RETRIED_MS = 1_500
/** A disk that was slow or full has what it was given by then. */
const FLUSHED_MS = 5_000
/** So long it has a copy of it. */
const COPY_AGE_MS = 3_900_000

interface Span {
  readonly fromMs: number
  readonly untilMs: number
}

/** What the faults of a run may cost by what is promised. */
export class Losses {
  readonly #lossesMs: readonly number[]
  /** When a process ended that receives recalls. */
  readonly #killsMs: readonly number[]
  readonly #powerCutsMs: readonly number[]
  readonly #restartsMs: readonly number[]
  /** When every process ended at once. */
  readonly #endsMs: readonly number[]
  /** When anybody was first told of each message. */
  readonly #toldAtMs = new Map<string, number>()
  readonly #slow: readonly Span[]
  readonly #frozen: readonly Span[]

  constructor(plan: Plan, history: readonly Entry[]) {
    const faults = history.filter((entry): entry is EntryOf<'fault'> => entry.kind === 'fault')
    const timesOf = (pattern: RegExp): number[] =>
      faults.flatMap(({ name, atMs }) => (pattern.test(name) ? [atMs] : []))
    this.#lossesMs = history.flatMap((entry) =>
      (entry.kind === 'fault' || entry.kind === 'fault over') && LOSS.test(entry.name) ? [entry.atMs] : [],
    )
    this.#killsMs = history.flatMap((entry) =>
      entry.kind === 'process ended' && !entry.process.startsWith('node-') ? [entry.atMs] : [],
    )
    this.#powerCutsMs = timesOf(/without power/)
    this.#restartsMs = timesOf(/redis (away|restarted|failed over|rolled back)|everything/)
    const { alls, receivers, nodes } = plan.shape
    this.#endsMs = alls + receivers + nodes === 1 ? this.#killsMs : timesOf(END)
    for (const entry of history)
      if (entry.kind === 'told')
        for (const seq of entry.seqs) {
          const key = keyOf(entry, seq)
          if (!this.#toldAtMs.has(key)) this.#toldAtMs.set(key, entry.atMs)
        }
    const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
    const spansOf = (pattern: RegExp): Span[] =>
      faults
        .filter(({ name }) => pattern.test(name))
        .map((fault) => ({ fromMs: fault.atMs, untilMs: faultEndMs(fault, history) ?? overMs }))
    this.#slow = spansOf(DISK)
    this.#frozen = spansOf(FROZEN)
  }

  /** Whether Redis has lost anything by then. */
  hasLostBy(atMs: number): boolean {
    return this.#lossesMs.some((ms) => ms <= atMs)
  }

  /** Whether Redis has lost anything by then, or nobody can know: a machine has lost its power, and Redis was started again. */
  mayHaveLostBy(atMs: number): boolean {
    return (
      this.hasLostBy(atMs) ||
      [this.#powerCutsMs, this.#restartsMs].every((all) => all.some((ms) => ms <= atMs))
    )
  }

  /** When Redis lost something for the first time; Infinity if it has not. */
  get firstMs(): number {
    return Math.min(...this.#lossesMs)
  }

  /** When Redis lost something between the two. */
  between(fromMs: number, untilMs: number): readonly number[] {
    return this.#lossesMs.filter((ms) => ms > fromMs && ms < untilMs)
  }

  /**
   * Whether a recall may be gone although it was answered OK: Redis lost it, and its receiver ended before it had a copy on disk, or
   * it was too old for a copy.
   */
  mayBeGone({ key, keptAtMs }: Recall): boolean {
    if (keptAtMs === undefined || !this.#lossesMs.some((ms) => ms >= keptAtMs)) return false
    if (this.#lossesMs.some((ms) => ms >= keptAtMs + COPY_AGE_MS)) return true
    // What was spooled is on its disk until Redis has it, which is when somebody is told.
    return [keptAtMs, this.#toldAtMs.get(key) ?? keptAtMs].some((atMs) => this.#endsBeforeCopy(atMs))
  }

  /** Whether the end of a group may be gone although that was answered OK then; as with a recall. */
  mayEndBeGone(answeredAtMs: number): boolean {
    if (this.#lossesMs.some((ms) => ms >= answeredAtMs + COPY_AGE_MS)) return true
    return this.#lossesMs.some((ms) => ms >= answeredAtMs) && this.#endsBeforeCopy(answeredAtMs)
  }

  /**
   * Whether a listener may miss a recall in silence: Redis lost the latest entries of a log when every process that knew them had
   * ended, and whose disk did not take them, so that later ones take their offsets in the same epoch.
   */
  mayBeHidden({ keptAtMs }: Recall): boolean {
    if (keptAtMs === undefined) return false
    return this.#endsMs.some(
      (endMs) =>
        keptAtMs >= endMs - HIDDEN_MS &&
        this.#slow.some(({ fromMs, untilMs }) => fromMs <= endMs && untilMs >= endMs - HIDDEN_MS) &&
        this.#lossesMs.some(
          (ms) => ms >= endMs - ENDED_MS && ms <= endMs + HIDDEN_MS && keptAtMs <= ms + HIDDEN_MS,
        ),
    )
  }

  #endsBeforeCopy(confirmedAtMs: number): boolean {
    const delays = [
      ...this.#slow.map((span) => ({ ...span, afterMs: RETRIED_MS, copiedMs: FLUSHED_MS })),
      ...this.#frozen.map((span) => ({ ...span, afterMs: 0, copiedMs: COPIED_MS })),
    ]
    let copiedAtMs = confirmedAtMs + COPIED_MS
    // A flush that one of them has made slow may fail in the next.
    for (const { fromMs, untilMs, afterMs, copiedMs } of delays.toSorted((a, b) => a.fromMs - b.fromMs))
      if (fromMs <= copiedAtMs && untilMs + afterMs >= confirmedAtMs)
        copiedAtMs = Math.max(copiedAtMs, untilMs + copiedMs)
    return this.#killsMs.some((ms) => ms >= confirmedAtMs - COPIED_MS && ms <= copiedAtMs)
  }
}
