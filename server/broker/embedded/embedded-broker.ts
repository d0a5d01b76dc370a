import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../../shared/errors.ts'
import type { Notice } from '../../../shared/notice.ts'
import { nameOf, toRecalledAt } from '../../../shared/message.ts'
import type { RecalledAt, RecalledMessage } from '../../../shared/message.ts'
import type { Recall } from '../../../shared/recall.ts'
import { PROCESS_GONE_MS } from '../../../shared/limits.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { inDataDir } from '../../lib/data-dir.ts'
import type { Damage } from '../../lib/journal/journal.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { checkQuestion } from '../asking.ts'
import type {
  AnnouncementListener,
  AnnouncementSubject,
  Answer,
  Broker,
  BrokerOptions,
  Published,
  RoomListener,
} from '../broker.ts'
import { digestOf } from '../chain.ts'
import { encodeEntry, joinEntry } from '../history.ts'
import { isBefore, isRepeat, roomsFor } from '../repeats.ts'
import { checkRecord } from '../records.ts'
import { RoomListeners, RoomSubscription } from '../room-listeners.ts'
import { withTimeout } from '../timeout.ts'
import { createLogReader } from './log-reader.ts'
import { addRecord, readRecords } from './records.ts'
import { openMended } from './open-mended.ts'
import { createReopeningStore } from './reopening-store.ts'
import { startSweeping } from './sweeping.ts'

/** A write that takes longer means a failing disk. Reads need no timeout: they touch memory-mapped pages only. */
const WRITE_TIMEOUT_MS = 1_000

interface EmbeddedOptions extends BrokerOptions {
  /** A folder on a local disk; created if missing. */
  readonly dataDir: string
}

interface EmbeddedDependencies {
  readonly log: Logger
  /** Called with each value that is found rotten on disk, before it is replaced. */
  readonly onDamage?: (damage: Damage) => void
}

/** A notice as appended to the log of one room. */
interface Appended {
  readonly room: Room
  readonly name: string
  readonly notice: Notice
  readonly epoch: string
}

/** The broker of a single process: stores on local disk, flushed before a publish resolves, and broadcasts in memory. */
export function createEmbeddedBroker(
  options: EmbeddedOptions,
  { log, onDamage = () => undefined }: EmbeddedDependencies,
): Broker {
  const listeners = new RoomListeners()
  /** In memory, because this process is the only one. */
  const latestHeartbeats = new Map<string, { readonly text: string; readonly atMs: number }>()
  const announcementListeners = new Map<AnnouncementSubject, Set<AnnouncementListener>>()
  const answers = new Map<string, Answer>()
  let stopSweeping: (() => void) | undefined

  const reopening = createReopeningStore({
    open: (isBroken) =>
      openMended({
        ...options,
        createEpoch: randomUUID,
        isBroken,
        log,
        onDamage,
        onNewEpoch: (room) => setImmediate(() => listeners.notifyInterrupted(room)),
        onBroken: reopening.broken,
      }),
    onMended() {
      for (const room of listeners.rooms()) listeners.notifyInterrupted(room)
    },
    log,
  })
  const store = reopening.get

  /** Appends the recall to its logs, without its known messages. Only inside a transaction. */
  function append(recall: Recall): Appended[] {
    const { recalledSets, logs, clock } = store()
    const endedAtMs = recalledSets.endOf(recall)
    const isKnown = (message: RecalledMessage): boolean =>
      isRepeat(recall, recalledSets.get(recall, nameOf(message)), endedAtMs)
    const messages = recall.messages.filter((message) => !isKnown(message))
    if (messages.length === 0) return []

    const fresh = { ...recall, messages }
    const entry = encodeEntry(fresh)
    const text = joinEntry(entry, entry.messages)
    // In all logs the same, so that a search knows what it has seen in another one.
    const known = { digest: digestOf(text), atMs: clock.stampMs() }
    const appended = roomsFor(recall, endedAtMs).map((room) => {
      const name = roomName(room)
      const { epoch, offset } = logs.append(name, text, known)
      return { room, name, epoch, notice: { offset, ...fresh } }
    })
    // Last, so that a retry after an earlier failure delivers the recall instead of being taken for a repeat.
    recalledSets.put(recall, messages.map(nameOf), recall.recalledAtMs, clock.stampMs())
    return appended
  }

  const leave = (room: string, listener: RoomListener): void => void listeners.remove(room, listener)

  async function publish(recall: Recall, timeoutMs: number): Promise<Published> {
    // Delivers regardless of the timeout: a recall that was stored late must reach the listeners as well.
    const storedAndDelivered = store()
      .transaction(() => append(recall))
      .then((appended) => {
        for (const { name, notice, epoch } of appended) listeners.deliver(name, notice, epoch)
        return appended
      })
    const appended = await withTimeout(timeoutMs, storedAndDelivered)
    return {
      duplicate: appended.length === 0,
      positions: appended.map(({ room, epoch, notice }) => ({
        room,
        position: { epoch, offset: notice.offset },
      })),
    }
  }

  const write = <T>(work: () => T): Promise<T> => withTimeout(WRITE_TIMEOUT_MS, store().transaction(work))

  return {
    async start() {
      await inDataDir(options.dataDir, reopening.open)
      stopSweeping = await startSweeping(() => (reopening.isOpen() ? store() : undefined), log)
    },

    async stop() {
      stopSweeping?.()
      await reopening.close()
    },

    isReady: reopening.isOpen,
    reasons: () => (reopening.isOpen() ? [] : ['the store is not open']),
    warnings: () => [],
    // Everything is flushed before it counts as stored.
    powerCut: () => 'nothing',

    // Delivery in memory needs no proof.
    probeAgeMs: () => 0,
    isDelivering: () => true,

    publish,

    async subscribe(room, listener) {
      store()
      const name = roomName(room)
      listeners.add(name, listener)
      return new RoomSubscription(name, listener, leave)
    },

    ...createLogReader({ logs: () => store().logs, write }),

    async newEpoch(room, epoch) {
      const { logs } = store()
      const name = roomName(room)
      await write(() => logs.newEpoch(name, epoch))
      listeners.notifyInterrupted(name)
    },

    async noteTold(notes) {
      const { logs } = store()
      await write(() => {
        for (const { room, offset, receivedAtMs, atMs, node } of notes)
          logs.noteTold(roomName(room), offset, { receivedAtMs, atMs, node })
      })
    },

    told: async ({ room, first, last }) => store().logs.told(roomName(room), first, last),

    async announce(subject, text) {
      const { announcements } = store()
      const announcement = { text, atMs: Date.now() }
      await write(() => announcements.add(subject, announcement))
      for (const listener of announcementListeners.get(subject) ?? []) listener(text, announcement.atMs)
    },

    onAnnouncement(subject, listener, onCaughtUp) {
      const { announcements, clock } = store()
      for (const { text, atMs } of announcements.current(subject, clock.expiryMs())) listener(text, atMs)
      onCaughtUp?.()
      const ofSubject = announcementListeners.get(subject) ?? new Set()
      announcementListeners.set(subject, ofSubject.add(listener))
      return () => void ofSubject.delete(listener)
    },

    async record(name, text) {
      checkRecord(text)
      const { announcements, clock } = store()
      const record = { text, atMs: Date.now() }
      await write(() => addRecord(announcements, name, record, clock.expiryMs()))
    },

    async records(name, page) {
      const { announcements, clock } = store()
      return readRecords(announcements, name, page, clock.expiryMs())
    },

    async heartbeat(id, text) {
      latestHeartbeats.set(id, { text, atMs: performance.now() })
    },

    async heartbeats() {
      const nowMs = performance.now()
      const all = [...latestHeartbeats].map(([id, { text, atMs }]) => ({ id, text, ageMs: nowMs - atMs }))
      return all.filter(({ ageMs }) => ageMs <= PROCESS_GONE_MS)
    },

    async ask(name, question) {
      checkQuestion(question)
      const answer = answers.get(name)
      // There is no other process.
      if (answer === undefined) throw new GatewayError('PROCESS_UNREACHABLE')
      return await answer(question)
    },

    onAsk(name, answer) {
      answers.set(name, answer)
      return () => void answers.delete(name)
    },

    async recalled(conversation, names) {
      const { recalledSets } = store()
      const endedAtMs = recalledSets.endOf(conversation)
      return names.flatMap((name): RecalledAt[] => {
        const atMs = recalledSets.get(conversation, name)
        return atMs === undefined || isBefore(atMs, endedAtMs) ? [] : [toRecalledAt(name, atMs)]
      })
    },

    async endGroup(group, atMs) {
      const { recalledSets, logs, clock } = store()
      if (!isBefore(atMs, recalledSets.endOf({ group }))) {
        for (const name of logs.ofGroup(group)) {
          await write(() => logs.end(name))
          listeners.notifyInterrupted(name)
        }
        // Last, so that a call that failed before is completed by the next one.
        await write(() => recalledSets.end(group, atMs, clock.stampMs()))
      }
      await recalledSets.drop(group)
    },
  }
}
