import { textFrame } from '../rooms/prepared-event.ts'
import { idleTcpSocket, pingThroughEngine, stopOwnPings, terminate } from './internals.ts'
import type { Connection } from './internals.ts'

/** A ping of Engine.IO. The clients of socket.io count nothing else as a sign of life, and answer it. */
const PING = textFrame('2')
/** Sockets are spread over the interval in slots of about this length, so that they are not pinged all at once. */
const SLOT_MS = 250
/** Clients wait for little more than one. The node can wait longer: a dead connection costs it little. */
const MAX_UNANSWERED_PINGS = 2

/** What the heartbeat knows of a connection. */
export interface Beating {
  readonly connection: Connection
  /** Pings since the peer was last heard. */
  unansweredPings: number
}

/**
 * Pings each connection at an interval, and terminates those whose peers no longer answer. It replaces the pings of Engine.IO,
 * which take two timers for each connection, and several times as long.
 */
export class Heartbeat {
  readonly #slots: readonly Set<Beating>[]
  readonly #slotMs: number
  /** Undefined while there are no connections. */
  #timer: NodeJS.Timeout | undefined
  #size = 0
  #dueAtMs = 0
  /** The slots that are due next, and that get the next connection. */
  #due = 0
  #next = 0

  constructor(intervalMs: number) {
    this.#slots = Array.from({ length: Math.ceil(intervalMs / SLOT_MS) }, () => new Set<Beating>())
    this.#slotMs = intervalMs / this.#slots.length
  }

  add(beating: Beating): void {
    stopOwnPings(beating.connection)
    this.#slots[this.#next]?.add(beating)
    if (this.#size++ === 0) this.#start()
    this.#next = (this.#next + 1) % this.#slots.length
  }

  remove(beating: Beating): void {
    if (this.#slots.some((slot) => slot.delete(beating)) && --this.#size === 0) this.stop()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #start(): void {
    this.#dueAtMs = performance.now() + this.#slotMs
    this.#timer = setInterval(() => this.#pingDue(), this.#slotMs).unref()
  }

  #pingDue(): void {
    const nowMs = performance.now()
    // Several are due if the process stood still; none is due twice.
    for (let left = this.#slots.length; left > 0 && this.#dueAtMs <= nowMs; left--) {
      this.#slots[this.#due]?.forEach(ping)
      this.#due = (this.#due + 1) % this.#slots.length
      this.#dueAtMs += this.#slotMs
    }
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs)
  }
}

function ping(beating: Beating): void {
  const { connection } = beating
  if (beating.unansweredPings === MAX_UNANSWERED_PINGS) return terminate(connection)
  beating.unansweredPings++
  const tcp = idleTcpSocket(connection)
  if (tcp === undefined) pingThroughEngine(connection)
  else tcp.write(PING)
}
