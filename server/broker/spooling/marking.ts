import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { EndedGroup, MarkerPlace, RecoverableBroker } from '../recoverable-broker.ts'
import type { Copies } from './copies.ts'

/** No marker: what is stored is looked at before it is replaced. */
const NONE = -1
/** A proof that the store went back can come so many markers later: nodes look at quiet rooms every 30 s. */
const PROOF_MARKERS = 60
/** How often such a proof is a reason to look again, in ms: there is one for each room. */
const PROOF_INTERVAL_MS = 5_000
/** A loss that was there before the process: nobody knows since when, but nodes doubt at once that everything is delivered. */
const UNKNOWN_MS = 5_000
/** Of what was confirmed between two markers, at most so many recalls are looked for one by one, evenly spread. */
const MAX_SAMPLES = 64

interface MarkingDependencies {
  readonly broker: Pick<RecoverableBroker, 'mark' | 'lacks' | 'doubts' | 'rollbacks'>
  readonly copies: Copies
  /**
   * Called when copies may be lost. `isSame`: nothing but a log that went back says so, which may have been in the loss before.
   */
  readonly onLost: (isSame: boolean) => void
  readonly log: Logger
}

/** The latest marker that the broker confirmed, and how many reasons for doubt there were then. */
interface Latest {
  readonly marker: number
  readonly doubts: number
}

/**
 * Finds out what the broker has lost. Each check replaces a marker in it, if that is whole and what was confirmed last is there:
 * a marker that is missing, or smaller than the last one, proves a loss, and so does a recall or the end of a group that is not.
 * If recalls followed the loss at once, what was confirmed last is there again, so that others are looked for as well.
 * Another connection is a reason to suspect that what was confirmed after the last marker is lost; a log that went back,
 * that what was confirmed in the last minute is. A marker of another process proves nothing, unless this one follows it.
 */
export function createMarking(name: string, { broker, copies, onLost, log }: MarkingDependencies) {
  /** Losses that were found. */
  let losses = 0
  /** Whether nobody was told of the latest one, because the broker took no other marker then. */
  let isUntold = false
  /** What was confirmed, but sent before a loss was found: it may have taken them too. */
  let suspects = 0
  /** How often somebody has found a log that went back, and how many of that and the broker's own proofs were looked at. */
  let rollbacks = 0
  let provedRollbacks = 0
  let provedAtMs = -Infinity
  let latest: Latest | undefined
  /** The markers sent last, oldest first, with the time in ms since 1970. */
  const recent: { readonly marker: number; readonly atMs: number }[] = []
  /** What the broker has confirmed last. */
  let newest: Recall | EndedGroup | undefined
  /** Recalls that were confirmed since the last marker: one of `every`. */
  let samples: Recall[] = []
  let confirmed = 0
  let every = 1
  /** Whose marker is looked for: this process has not stored one at first. */
  let writer = copies.writer.before
  /** Greater than any that the next process may find in place of a real one. */
  let provisional = 0

  /** As long as a loss is not noted on disk, one that is less than all markers of copies: the next process takes all for lost. */
  const valueFor = (marker: number): number => (copies.isNoted() ? marker : ++provisional)

  const proofs = (): number => broker.rollbacks() + rollbacks

  function sample(recall: Recall): void {
    if (confirmed++ % every !== 0) return
    samples.push(recall)
    if (samples.length <= MAX_SAMPLES) return
    samples = samples.filter((_, i) => i % 2 === 0)
    every *= 2
  }

  function takeSamples(): readonly Recall[] {
    const taken = samples
    samples = []
    confirmed = 0
    every = 1
    return taken
  }

  /** A marker that follows them would show nothing of a loss before it. */
  async function lookFor(recalls: readonly Recall[]): Promise<void> {
    const results = await Promise.allSettled(recalls.map(broker.lacks))
    if (results.some((result) => result.status === 'fulfilled' && result.value)) rollbacks++
    for (const [i, { status }] of results.entries()) if (status === 'rejected') sample(recalls[i] as Recall)
  }

  function forget(one: Recall | EndedGroup | undefined): void {
    if (newest === one) newest = undefined
  }

  /** Also if the witness is lost: that was noted. Returns false if what is stored has changed once more. */
  async function replaceMarker(
    place: MarkerPlace,
    value: number,
    before: number | undefined,
    witness: Recall | EndedGroup | undefined,
  ): Promise<boolean> {
    const isWitness = newest !== undefined && newest === witness
    const { isStored } = await broker.mark(place, value, before, newest)
    if (isStored || !isWitness) return isStored
    forget(witness)
    return (await broker.mark(place, value, before, newest)).isStored
  }

  async function check(): Promise<void> {
    const doubts = broker.doubts() + suspects
    const atMs = Date.now()
    const marker = copies.advance()
    const proved = proofs()
    const isProved = proved !== provedRollbacks && performance.now() - provedAtMs >= PROOF_INTERVAL_MS
    const undoubted = latest?.doubts === doubts ? latest.marker : undefined
    const expected = isProved ? NONE : (undoubted ?? NONE)
    const witness = newest
    const sampled = takeSamples()
    let value = valueFor(marker)
    let isSame = false
    const { name: to } = copies.writer
    const place = { name, from: writer, to }
    const { before, isStored } = await broker
      .mark(place, value, expected, witness)
      .catch((error: unknown) => {
        for (const recall of sampled) sample(recall)
        throw error
      })
    if (!isStored) {
      // Otherwise nobody has looked for it.
      if (expected !== NONE) forget(witness)
      losses++
      isUntold = true
      const first = recent[isProved ? 0 : recent.length - 1]
      const survivor = isProved ? Math.min(before ?? 0, first?.marker ?? Infinity) : before
      // On disk before the marker is replaced: the next process could not know.
      const sinceMs = first?.atMs ?? (copies.hasLostEarlier(before) ? atMs - UNKNOWN_MS : atMs)
      const recalls = await copies.lose(survivor, sinceMs)
      value = valueFor(marker)
      if (writer !== to) copies.writer.note()
      // Otherwise it has changed once more, which the next check looks at.
      if (!(await replaceMarker(place, value, before, witness))) return
      writer = to
      if (isProved) {
        provedRollbacks = proved
        provedAtMs = performance.now()
      }
      if (recalls > 0)
        log.info(
          { recalls, isMarkerLost: before === undefined, isNoted: copies.isNoted() },
          'looking for recalls that Redis lost',
        )
      isSame = isProved && before !== undefined && before === undoubted
    }
    if (isUntold && copies.lost().length > 0) onLost(isSame)
    isUntold = false
    latest = { marker: value, doubts }
    recent.push({ marker, atMs })
    if (recent.length > PROOF_MARKERS) recent.shift()
    copies.dropOld()
    if (isStored) await lookFor(sampled)
  }

  return {
    /** Looks for a loss. Rejects if the broker does not reply. One at a time. */
    check,

    /** To be called before something is sent; `confirmed`, once there is a copy of it. */
    sending() {
      const lossesBefore = losses
      return { confirmed: () => void (losses !== lossesBefore && suspects++) }
    },

    /** To be called with each recall, and each end of a group, that the broker has stored. */
    stored(what: Recall | EndedGroup): void {
      newest = what
      if (!('ended' in what)) sample(what)
    },

    /** To be called when somebody has found that a log went back. */
    rolledBack: (): void => void rollbacks++,
  }
}
