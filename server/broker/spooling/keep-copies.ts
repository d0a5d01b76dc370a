import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, RecoverableBroker } from '../broker.ts'
import type { Copies } from './copies.ts'
import { createRepublishing } from './republishing.ts'
import type { SetAside } from './setting-aside.ts'

const CHECK_INTERVAL_MS = 1_000
/** No marker: what is stored is looked at before it is replaced. */
const NONE = -1
/** For how long the process warns that something was lost. */
const WARNING_MS = 600_000

interface KeepCopiesOptions {
  /** Under which this receiver's marker is stored: that of its data folder, so that its next process finds it. */
  readonly markerName: string
  /** Maximum length of a room's log, in notices. Bounds how fast recalls are published again, so that nodes can follow. */
  readonly historySize: number
}

interface KeepCopiesDependencies {
  readonly broker: RecoverableBroker
  readonly copies: Copies
  readonly setAside: SetAside
  /** Called with each recall that the broker had lost, and has stored again. */
  readonly onRecovered: () => void
  readonly log: Logger
}

/**
 * Decorates a broker: what it confirms is copied, and published again if it loses it. Each second a marker shows what has
 * survived. A marker that is missing, or smaller than the last one, proves a loss; another connection is a reason to suspect that
 * what was confirmed after the last marker is lost.
 */
export function keepCopies(
  { markerName, historySize }: KeepCopiesOptions,
  { broker, copies, setAside, onRecovered, log }: KeepCopiesDependencies,
): Broker {
  let confirmed = 0
  let lastRecovery = { recalls: 0, atMs: -Infinity }
  const republishing = createRepublishing(
    // The spool may be drained at the same time.
    { initialWindow: Math.ceil(historySize / 4) },
    {
      broker,
      copies,
      confirmed: () => confirmed,
      onRecovered() {
        confirmed++
        const isAnother = Date.now() - lastRecovery.atMs > WARNING_MS
        lastRecovery = { recalls: isAnother ? 1 : lastRecovery.recalls + 1, atMs: Date.now() }
        onRecovered()
      },
      setAside,
      log,
    },
  )
  let timer: NodeJS.Timeout | undefined
  let checking: Promise<void> | undefined
  /** Losses that were found. */
  let losses = 0
  /** Recalls that were confirmed, but sent before a loss was found: it may have taken them too. */
  let suspects = 0
  /** The latest marker that the broker confirmed, and how many reasons for doubt there were then. */
  let latest: { readonly marker: number; readonly doubts: number; readonly atMs: number } | undefined

  async function check(): Promise<void> {
    const doubts = broker.doubts() + suspects
    const atMs = Date.now()
    const marker = copies.advance()
    const expected = latest?.doubts === doubts ? latest.marker : NONE
    const found = await broker.mark(markerName, marker, expected)
    if (found !== expected) {
      losses++
      // On disk before the marker is replaced: the next process could not know.
      const recalls = await copies.lose(found, latest?.atMs ?? atMs)
      // Otherwise it has changed once more, which the next check looks at.
      if ((await broker.mark(markerName, marker, found)) !== found) return
      if (recalls > 0)
        log.info({ recalls, isMarkerLost: found === undefined }, 'looking for recalls that Redis lost')
      if (copies.lost().length > 0) republishing.wake()
    }
    latest = { marker, doubts, atMs }
    copies.dropOld()
  }

  /** One at a time: a broker that does not reply gets no more to do. Why it fails, the broker itself says. */
  function checkSoon(): void {
    checking ??= check()
      .catch(() => undefined)
      .finally(() => (checking = undefined))
  }

  return {
    ...broker,

    async publish(recall, timeoutMs, options) {
      const lossesBefore = losses
      const outcome = await broker.publish(recall, timeoutMs, options)
      confirmed++
      const copied = copies.add({
        recall,
        confirmed: [outcome.positions.map(({ position }) => position)],
      })
      if (losses !== lossesBefore) suspects++
      await copied
      return outcome
    },

    async endGroup(group, atMs) {
      await broker.endGroup(group, atMs)
      await copies.add({ ended: group, atMs })
    },

    warnings() {
      const { recalls, atMs } = lastRecovery
      const isRecent = Date.now() - atMs < WARNING_MS
      const what =
        recalls === 1
          ? 'a recall that it had confirmed, which was'
          : `${recalls} recalls that it had confirmed, which were`
      return [...broker.warnings(), ...(isRecent ? [`Redis lost ${what} published again`] : [])]
    },

    async start() {
      timer = setInterval(checkSoon, CHECK_INTERVAL_MS).unref()
      await broker.start()
      checkSoon()
    },

    async stop() {
      clearInterval(timer)
      await checking
      await republishing.stop()
      await broker.stop()
      await copies.close()
    },
  }
}
