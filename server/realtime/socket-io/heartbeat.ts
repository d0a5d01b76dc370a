import { textFrame } from '../rooms/prepared-event.ts'
import { Slots } from '../slots.ts'
import { idleTcpSocket, pingThroughEngine, stopOwnPings, terminate } from './internals.ts'
import type { Connection } from './internals.ts'

/** A ping of Engine.IO. The clients of socket.io count nothing else as a sign of life, and answer it. */
const PING = textFrame('2')
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
  readonly #slots: Slots<Beating>

  constructor(intervalMs: number) {
    this.#slots = new Slots(intervalMs, ping)
  }

  add(beating: Beating): void {
    stopOwnPings(beating.connection)
    this.#slots.add(beating)
  }

  remove(beating: Beating): void {
    this.#slots.remove(beating)
  }

  stop(): void {
    this.#slots.stop()
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
