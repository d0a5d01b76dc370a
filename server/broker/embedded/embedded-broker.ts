import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../../shared/errors.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { Position } from '../../../shared/position.ts'
import type { Recall, RecalledAt } from '../../../shared/recall.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type {
  AnnouncementListener,
  AnnouncementSubject,
  Broker,
  BrokerOptions,
  Published,
} from '../broker.ts'
import { HEARTBEAT_TTL_MS, UNTIMED_REPEAT_WINDOW_MS } from '../broker.ts'
import { decodeEntry, encodeEntry, joinEntry } from '../history.ts'
import { historySince } from '../history.ts'
import { RoomListeners } from '../room-listeners.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { withTimeout } from '../timeout.ts'
import { openLogStore } from './log-store.ts'
import type { LogStore } from './log-store.ts'

const SWEEP_INTERVAL_MS = 3_600_000
/** Reads and subscriptions touch memory-mapped pages only; a write that takes longer than this met a sick disk. */
const WRITE_TIMEOUT_MS = 1_000

interface EmbeddedOptions extends BrokerOptions {
  /** Folder on a local disk; made if missing. */
  readonly dataDir: string
}

interface Spread {
  readonly room: Room
  readonly name: string
  readonly notice: Notice
  readonly epoch: string
}

/** The broker of one process: keeps on local disk, flushed before a publish resolves, and spreads in memory. */
export function createEmbeddedBroker(options: EmbeddedOptions, { log }: { log: Logger }): Broker {
  const listeners = new RoomListeners()
  /** This process is the only one. */
  const reported = new Map<string, { readonly text: string; readonly atMs: number }>()
  const announcementListeners = new Map<AnnouncementSubject, Set<AnnouncementListener>>()
  let opened: LogStore | undefined
  let sweeping: NodeJS.Timeout | undefined

  function store(): LogStore {
    if (opened === undefined) throw new GatewayError('BROKER_UNAVAILABLE', 'the local store is not open')
    return opened
  }

  /** Runs inside a write transaction. */
  function append(recall: Recall): Spread[] {
    const { recalledSet, logs } = store()
    const isKnown = ({ seq }: { seq: number }): boolean => {
      const atMs = recalledSet.get(recall, seq)
      if (atMs === undefined) return false
      return recall.untimed
        ? recall.recalledAtMs - atMs < UNTIMED_REPEAT_WINDOW_MS
        : atMs === recall.recalledAtMs
    }
    const messages = recall.messages.filter((message) => !isKnown(message))
    if (messages.length === 0) return []

    const fresh = { ...recall, messages }
    const encoded = encodeEntry(fresh)
    const text = joinEntry(encoded, encoded.messages)
    const spreads = roomsOf(recall).map((room) => {
      const name = roomName(room)
      const { epoch, offset } = logs.append(name, text, Date.now())
      return { room, name, epoch, notice: { ...fresh, offset } }
    })
    // Last: a failure before it leaves the recall to be told again rather than taken for told.
    const seqs = messages.map(({ seq }) => seq)
    recalledSet.put(recall, seqs, recall.recalledAtMs, Date.now())
    return spreads
  }

  async function publish(recall: Recall, timeoutMs: number): Promise<Published> {
    // Settles outside of `within`: what was kept late must reach the listeners all the same.
    const kept = store()
      .transaction(() => append(recall))
      .then((spreads) => {
        for (const { name, notice, epoch } of spreads) listeners.deliver(name, notice, epoch)
        return spreads
      })
    const spreads = await withTimeout(timeoutMs, kept)
    return {
      duplicate: spreads.length === 0,
      positions: spreads.map(({ room, epoch, notice }) => ({
        room,
        position: { epoch, offset: notice.offset },
      })),
    }
  }

  /** A room never used gets its epoch now. */
  async function topOf(name: string): Promise<Position> {
    const { logs, transaction } = store()
    const touch = () =>
      withTimeout(
        WRITE_TIMEOUT_MS,
        transaction(() => logs.touch(name, Date.now())),
      )
    return logs.top(name) ?? (await touch())
  }

  return {
    async start() {
      try {
        opened = openLogStore({ ...options, newEpoch: randomUUID })
        await opened.sweep(Date.now())
      } catch (error) {
        throw new GatewayError('START_FAILED', `cannot open a store in DATA_DIR ${options.dataDir}`, {
          cause: error,
        })
      }
      sweeping = setInterval(() => {
        opened?.sweep(Date.now()).catch((err: unknown) => log.error({ err }, 'old logs could not be removed'))
      }, SWEEP_INTERVAL_MS)
      sweeping.unref()
    },

    async stop() {
      clearInterval(sweeping)
      const closing = opened
      opened = undefined
      await closing?.close()
    },

    isReady: () => opened !== undefined,

    // What spreads in memory needs no proof.
    probeAgeMs: () => 0,

    publish,

    async subscribe(room, listener) {
      store()
      const name = roomName(room)
      listeners.add(name, listener)
      return { leave: () => void listeners.remove(name, listener) }
    },

    async history(room, since, limit) {
      const { logs } = store()
      const name = roomName(room)
      const top = await topOf(name)
      const read = since.offset < top.offset ? logs.read(name, since.offset, limit, Date.now()) : []
      return historySince(
        since,
        top,
        read.map(({ text, offset }) => decodeEntry(text, offset)),
      )
    },

    async historyBefore(room, before, limit) {
      const name = roomName(room)
      const top = await topOf(name)
      const read = store().logs.readBack(name, Math.min(before, top.offset + 1), limit, Date.now())
      const notices = read.map(({ text, offset }) => decodeEntry(text, offset))
      return { notices: notices.filter((notice) => notice !== null), head: top }
    },

    async heads(rooms) {
      const { logs, transaction } = store()
      const touch = () => rooms.map((room) => logs.touch(roomName(room), Date.now()))
      return await withTimeout(WRITE_TIMEOUT_MS, transaction(touch))
    },

    async newEpoch(room, epoch) {
      const { logs, transaction } = store()
      const name = roomName(room)
      await withTimeout(
        WRITE_TIMEOUT_MS,
        transaction(() => logs.renew(name, epoch)),
      )
      listeners.notifyInterrupted(name)
    },

    async announce(subject, text) {
      const { announcements, transaction } = store()
      const announced = { text, atMs: Date.now() }
      await withTimeout(
        WRITE_TIMEOUT_MS,
        transaction(() => announcements.add(subject, announced)),
      )
      for (const listener of announcementListeners.get(subject) ?? []) listener(text, announced.atMs)
    },

    onAnnouncement(subject, listener) {
      for (const { text, atMs } of store().announcements.latest(subject, Date.now())) listener(text, atMs)
      const listening = announcementListeners.get(subject) ?? new Set()
      announcementListeners.set(subject, listening.add(listener))
      return () => void listening.delete(listener)
    },

    async heartbeat(id, text) {
      reported.set(id, { text, atMs: performance.now() })
    },

    async heartbeats() {
      const nowMs = performance.now()
      const all = [...reported].map(([id, { text, atMs }]) => ({ id, text, ageMs: nowMs - atMs }))
      return all.filter(({ ageMs }) => ageMs <= HEARTBEAT_TTL_MS)
    },

    async recalled(conversation, seqs) {
      const { recalledSet } = store()
      return seqs.flatMap((seq): RecalledAt[] => {
        const atMs = recalledSet.get(conversation, seq)
        return atMs === undefined ? [] : [{ seq, atMs }]
      })
    },
  }
}
