import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { POSITION_RENEWAL_S } from '../../broker/broker.ts'
import type { Broker } from '../../broker/broker.ts'
import type { History } from '../../broker/log-reading.ts'
import { createLimiter } from '../../lib/flow-control.ts'
import { Lag } from './lag.ts'
import { LocalRoom, sharedByRooms } from './local-room.ts'
import type { LocalRoomDependencies, LocalRoomOptions } from './local-room.ts'

/** How long an unused room stays open, so that page reloads do not cause repeated subscriptions in Redis. */
const LINGER_MS = 5_000
/** Beyond this number, a room that becomes unused is closed immediately. */
const MAX_LINGERING_ROOMS = 1_000
/** Each has a channel to subscribe to and a log to follow. */
const MAX_ROOMS = 100_000
/** How long a notice that was lost on its way to a quiet room can go undetected. */
const HEAD_CHECK_INTERVAL_MS = 30_000
/** A check renews all positions after this long, to be in time even if it fails at first. */
const RENEWAL_INTERVAL_MS = (POSITION_RENEWAL_S * 1_000) / 2
/** Heads read together. */
const HEADS_PER_READ = 512
/** Notices in one read of a log. */
const PAGE_NOTICES = 100
/** A page of the largest recalls is 7.5 MB. */
const MAX_CONCURRENT_PAGES = 8

interface Entry {
  readonly room: LocalRoom
  /** Undefined once it is open. */
  opened: Promise<void> | undefined
  users: number
  lingering?: NodeJS.Timeout | undefined
}

interface LocalRoomsDependencies extends LocalRoomDependencies {
  readonly broker: LocalRoomDependencies['broker'] & Pick<Broker, 'probeAgeMs'>
}

/** The rooms in use on this node, counted by reference: the first use opens a room, and it is closed a while after the last. */
export class LocalRooms {
  readonly #entries = new Map<string, Entry>()
  readonly #lingering = new Set<Entry>()
  readonly #options: LocalRoomOptions
  readonly #deps: LocalRoomDependencies
  /** When a check began that renewed all positions, by `performance.now()`. A room that opens renews its own. */
  #renewedAtMs = performance.now()
  /** Which rooms are behind their logs. */
  readonly lag: Lag<LocalRoom>

  constructor(options: LocalRoomOptions, dependencies: LocalRoomsDependencies) {
    const { broker } = dependencies
    this.#options = options
    this.lag = new Lag(() => performance.now() - broker.probeAgeMs())
    this.#deps = { ...dependencies, shared: sharedByRooms(dependencies, this.lag) }
  }

  /** Returns the open room, in use until `release`. Rejects with BROKER_UNAVAILABLE or NODE_FULL, and is then not in use. */
  async acquire(room: Room): Promise<LocalRoom> {
    const name = roomName(room)
    const known = this.#entries.get(name)
    if (known === undefined && this.#entries.size >= MAX_ROOMS) throw new GatewayError('NODE_FULL')
    const entry = known ?? this.#open(room)
    clearTimeout(entry.lingering)
    this.#lingering.delete(entry)
    entry.users++
    try {
      if (entry.opened !== undefined) await entry.opened
      return entry.room
    } catch (error) {
      if (this.#entries.get(name) === entry) this.#entries.delete(name)
      throw error
    }
  }

  release(room: LocalRoom): void {
    const { name } = room
    const entry = this.#entries.get(name)
    if (entry?.room !== room || --entry.users > 0) return
    const close = (): void => {
      this.#lingering.delete(entry)
      this.#entries.delete(name)
      room.close()
    }
    if (this.#lingering.size >= MAX_LINGERING_ROOMS) return close()
    this.#lingering.add(entry)
    entry.lingering = setTimeout(close, LINGER_MS)
    entry.lingering.unref()
  }

  /** Returns all open rooms, including unused ones that linger. */
  all(): LocalRoom[] {
    return [...this.#entries.values()].filter(({ room }) => room.isOpen).map(({ room }) => room)
  }

  /**
   * Compares the heads of all logs with the positions of their rooms, a part at a time, so that nothing else waits for long.
   * Never rejects. Returns whether all could be read.
   */
  async tryCheckHeads(): Promise<boolean> {
    const { broker, log } = this.#deps
    const all = this.all()
    const startedAtMs = performance.now()
    const renews = startedAtMs - this.#renewedAtMs > RENEWAL_INTERVAL_MS
    try {
      for (let i = 0; i < all.length; i += HEADS_PER_READ) {
        const open = all.slice(i, i + HEADS_PER_READ)
        const seen = open.map(({ position }) => position)
        const heads = await broker.heads(
          open.map(({ room }) => room),
          { renews },
        )
        for (const [j, room] of open.entries()) {
          const [before, head] = [seen[j], heads[j]]
          if (before !== undefined && head !== undefined && room.isOpen) room.checkHead(before, head)
        }
      }
      if (renews) this.#renewedAtMs = startedAtMs
      return true
    } catch (err) {
      log.warn({ err }, 'cannot check whether notices were lost, retrying')
      return false
    }
  }

  /** As `tryCheckHeads`, for callers that do not repeat it. */
  async checkHeads(): Promise<void> {
    await this.tryCheckHeads()
  }

  closeAll(): void {
    for (const { room, lingering } of this.#entries.values()) {
      clearTimeout(lingering)
      room.close()
    }
    this.#entries.clear()
  }

  #open(room: Room): Entry {
    const local = new LocalRoom(room, this.#options, this.#deps)
    const entry: Entry = { room: local, opened: undefined, users: 0, lingering: undefined }
    entry.opened = local.open().then(
      () => void (entry.opened = undefined),
      (error: unknown) => {
        local.close()
        throw error
      },
    )
    this.#entries.set(local.name, entry)
    return entry
  }
}

/**
 * Checks heads about every half minute until `stop` is aborted: a lost notice shows by itself only when another one follows. A
 * check that fails is repeated sooner. Never rejects.
 */
export async function checkHeadsPeriodically(rooms: LocalRooms, stop: AbortSignal): Promise<void> {
  let failures = 0
  while (!stop.aborted) {
    // Jitter keeps the nodes from checking at the same moment.
    const intervalMs = HEAD_CHECK_INTERVAL_MS * (0.75 + Math.random() / 2)
    const retryMs = fullJitterMs(failures, { baseMs: 1_000, maxMs: HEAD_CHECK_INTERVAL_MS })
    const ms = failures === 0 ? intervalMs : retryMs
    await delay(ms, undefined, { signal: stop, ref: false }).catch(() => undefined)
    if (!stop.aborted) failures = (await rooms.tryCheckHeads()) ? 0 : failures + 1
  }
}

/** Reads a page of a room's log, after a position. Rejects with BROKER_UNAVAILABLE. */
export type ReadPage = (room: LocalRoom, since: Position) => Promise<History>

/**
 * Reads logs for clients that resume, single-flight: concurrent reads of the same page share one. The clients of a lost
 * node arrive together, and most of them stopped at the same position; the room remembers the page for later ones.
 */
export function createPageReader(broker: Pick<Broker, 'history'>): ReadPage {
  const limit = createLimiter(MAX_CONCURRENT_PAGES)
  const inFlight = new Map<string, Promise<History>>()

  async function read(room: LocalRoom, since: Position): Promise<History> {
    const history = await limit(() => broker.history(room.room, since, PAGE_NOTICES))
    if (history.gap === undefined) room.remember(since.epoch, history.notices)
    return history
  }

  return (room, since) => {
    const key = `${room.name} ${since.epoch} ${since.offset}`
    const known = inFlight.get(key)
    if (known !== undefined) return known
    const reading = read(room, since).finally(() => inFlight.delete(key))
    inFlight.set(key, reading)
    return reading
  }
}
