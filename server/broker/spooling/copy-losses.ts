import type { Batches, Loss } from './copy-batches.ts'
import type { CopyJournal } from './copy-journal.ts'

interface CopyLossesDependencies {
  readonly batches: Batches
  readonly journal: Pick<CopyJournal, 'note' | 'flushed'>
}

/** How much may be lost. */
export interface LostDepth {
  readonly recalls: number
  readonly bytes: number
  /** For how long. */
  readonly ageMs: number
}

/** Which copies the broker may have lost, since when, and where that is noted on disk for the next process. */
export class CopyLosses {
  readonly #deps: CopyLossesDependencies
  /** Those that an earlier process noted, until `apply`. */
  readonly #loaded: Loss[] = []
  /** Since when something may be lost, in ms since 1970, and by `performance.now()`: the clock may be set meanwhile. */
  #since = since(Date.now())
  /** Where on disk the first loss is noted, from which not all is restored yet. */
  #firstNote: number | undefined
  /** Losses that the disk has not taken yet. */
  #unnoted = 0

  constructor(dependencies: CopyLossesDependencies) {
    this.#deps = dependencies
  }

  /** Adds a loss that an earlier process noted. To be called in the order on disk. */
  load(key: number, loss: Loss, sinceMs: number): void {
    if (this.#loaded.length === 0) this.#since = since(sinceMs)
    this.#loaded.push(loss)
    this.#firstNote ??= key
  }

  /** Marks what was lost in earlier processes. To be called once their batches are loaded. */
  apply(): void {
    // The process before may have stored some of them again, and ended before it noted where.
    for (const loss of this.#loaded.splice(0))
      for (const batch of this.#deps.batches.lose(loss)) batch.isDoubtful = true
  }

  /** See `lose` of `openCopies`. */
  async lose(marker: number, sinceMs: number): Promise<number> {
    const { batches, journal } = this.#deps
    if (batches.lost().length === 0) this.#since = since(sinceMs)
    const loss = batches.lossSince(marker)
    const lost = batches.lose(loss)
    if (lost.length > 0) {
      this.#unnoted++
      journal.note({ lost: loss, sinceMs: this.#since.atMs }, (key) => {
        this.#unnoted--
        this.#firstNote ??= key
      })
      await journal.flushed()
    }
    return lost.reduce((sum, { recalls }) => sum + recalls, 0)
  }

  /** Returns whether the next process would know what is lost now, whatever marker it finds. */
  isNoted(): boolean {
    return this.#unnoted === 0 || this.#deps.batches.lost().length === 0
  }

  /** Returns the first key on disk that is needed to know what is lost; undefined if nothing is, which forgets the notes. */
  firstPlace(): number | undefined {
    if (this.#deps.batches.lost().length === 0) this.#firstNote = undefined
    return this.#firstNote
  }

  depth(): LostDepth {
    const lost = this.#deps.batches.lost()
    const sum = (of: 'recalls' | 'bytes'): number => lost.reduce((total, batch) => total + batch[of], 0)
    return {
      recalls: sum('recalls'),
      bytes: sum('bytes'),
      ageMs: lost.length === 0 ? 0 : performance.now() - this.#since.startedMs,
    }
  }
}

const since = (atMs: number) => ({ atMs, startedMs: performance.now() - Math.max(0, Date.now() - atMs) })
