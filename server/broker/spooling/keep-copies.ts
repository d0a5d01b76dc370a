import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, Published, PublishOptions } from '../broker.ts'
import type { RecoverableBroker } from '../recoverable-broker.ts'
import type { Copies } from './copies.ts'
import { createMarking } from './marking.ts'
import { createRenewing } from './renewing.ts'
import { createRepublishing } from './republishing.ts'
import type { SetAside } from './setting-aside.ts'

const CHECK_INTERVAL_MS = 1_000
/** For how long the process warns that something was lost. */
const WARNING_MS = 600_000
/** After so long without a flush, the disk is full, hangs or fails. */
const STUCK_MS = 5_000

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

/** Decorates a broker: what it confirms is copied, and published again if it loses it. Looks each second for what it has lost. */
export function keepCopies(
  { markerName, historySize }: KeepCopiesOptions,
  { broker, copies, setAside, onRecovered, log }: KeepCopiesDependencies,
): Broker {
  /** Recalls that the broker has stored and that were new to it. */
  let stored = 0
  let lastRecovery = { recalls: 0, atMs: -Infinity }
  const marking = createMarking(markerName, {
    broker,
    copies,
    onLost: (isSame) => republishing.wake(isSame),
    log,
  })
  const renewing = createRenewing({ newEpoch: broker.newEpoch, log })
  const republishing = createRepublishing(
    // The spool may be drained at the same time.
    { initialWindow: Math.ceil(historySize / 4) },
    {
      broker: { ...broker, publish },
      copies,
      stored: () => stored,
      sending: marking.sending,
      onRecovered() {
        const isAnother = performance.now() - lastRecovery.atMs > WARNING_MS
        lastRecovery = { recalls: isAnother ? 1 : lastRecovery.recalls + 1, atMs: performance.now() }
        onRecovered()
      },
      setAside,
      log,
    },
  )
  /** What waited longest for the disk at the latest look, and since when it did. */
  let waiting: { readonly entry: object; readonly sinceMs: number } | undefined
  let timer: NodeJS.Timeout | undefined
  let checking: Promise<unknown> | undefined
  let server: { readonly id: string | undefined; readonly doubts: number } | undefined

  function look(): void {
    const entry = copies.oldestUnflushed()
    if (entry !== waiting?.entry) waiting = entry && { entry, sinceMs: performance.now() }
    checkSoon()
  }

  /** One at a time: a broker that does not reply gets no more to do. Why it fails, the broker itself says. */
  function checkSoon(): void {
    checking ??= Promise.allSettled([marking.check(), checkServer()]).then(() => (checking = undefined))
  }

  /** Asks each connection once. */
  async function checkServer(): Promise<void> {
    const doubts = broker.doubts()
    if (server?.doubts !== doubts) {
      const id = await broker.server()
      // Otherwise it may be that of another connection.
      if (broker.doubts() !== doubts) return
      server = { id, doubts }
    }
    renewing.decide(copies.lastCut(server.id))
  }

  async function publish(recall: Recall, timeoutMs: number, options?: PublishOptions): Promise<Published> {
    const outcome = await broker.publish(recall, timeoutMs, options)
    if (!outcome.duplicate) {
      stored++
      marking.stored(recall)
    }
    renewing.published(outcome)
    return outcome
  }

  return {
    ...broker,

    async publish(recall, timeoutMs, options) {
      const sent = marking.sending()
      const outcome = await publish(recall, timeoutMs, options)
      const copied = copies.add({
        recall,
        confirmed: [outcome.positions.map(({ position }) => position)],
      })
      sent.confirmed()
      await (options?.fromDisk === true ? copies.flushed() : copied)
      return outcome
    },

    async endGroup(group, atMs) {
      const sent = marking.sending()
      await broker.endGroup(group, atMs)
      const end = { ended: group, atMs }
      marking.stored(end)
      const copied = copies.add(end)
      sent.confirmed()
      await copied
    },

    async newEpoch(room, epoch, agreesUntil, cut) {
      // Whoever asks for it has found that the log went back.
      marking.rolledBack()
      await broker.newEpoch(room, epoch, agreesUntil, cut)
    },

    warnings() {
      const { recalls, atMs } = lastRecovery
      const isRecent = performance.now() - atMs < WARNING_MS
      const what =
        recalls === 1
          ? 'a recall that it had confirmed, which was'
          : `${recalls} recalls that it had confirmed, which were`
      const isStuck = waiting !== undefined && performance.now() - waiting.sinceMs > STUCK_MS
      return [
        ...broker.warnings(),
        ...(isRecent ? [`Redis lost ${what} published again`] : []),
        ...(isStuck
          ? ['copies of recalls wait for the disk of the receiver, which is full, slow or failing']
          : []),
      ]
    },

    async start() {
      timer = setInterval(look, CHECK_INTERVAL_MS).unref()
      await broker.start()
      checkSoon()
    },

    async stop() {
      clearInterval(timer)
      renewing.stop()
      await checking
      await republishing.stop()
      await broker.stop()
      await copies.close()
    },
  }
}
