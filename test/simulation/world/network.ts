import { world } from './world.ts'
import { Endpoint } from './endpoint.ts'
import type { Application } from './endpoint.ts'
import { OUTSIDE } from './schedule.ts'
import type { SimProcess } from './schedule.ts'

/** How the line between two processes is, in one direction; a fault changes it while connections last. */
export interface Line {
  /** For the way there and back. Half of it is drawn for each segment; none overtakes another. */
  latencyMs: (bytes?: number) => number
  /** What is sent is lost, and nobody is told: what was sent meanwhile is sent again later, as TCP does. */
  isSwallowed: boolean
  /** New connections are refused. */
  isRefused: boolean
}

const DEFAULT_LINE: Line = { latencyMs: () => 0.2, isSwallowed: false, isRefused: false }
/** As Linux does, 127 s in all. */
const SYN_RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]
const LOOPBACK = '127.0.0.1'
const ANY_ADDRESS = new Set(['0.0.0.0', '::'])

/** A socket that listens. */
export class Listener {
  readonly owner: SimProcess
  readonly #accept: (end: Endpoint) => void
  readonly #backlog: number
  readonly #queue: Endpoint[] = []
  /** Its machine has no power. */
  isDark = false

  constructor(owner: SimProcess, backlog: number, accept: (end: Endpoint) => void) {
    this.owner = owner
    this.#accept = accept
    this.#backlog = backlog
  }

  get isFull(): boolean {
    return this.#queue.length > this.#backlog
  }

  /** The system has opened a connection, which the process takes in its turn. */
  add(end: Endpoint): void {
    this.#queue.push(end)
    const take = (): void => {
      const next = this.#queue.shift()
      if (next) this.#accept(next)
    }
    if (this.owner.isFrozen) return void world.schedule.after(0, this.owner, take)
    world.schedule.current = this.owner
    take()
  }

  /** Resets the connections that the process has not taken. */
  close(): void {
    for (const end of this.#queue.splice(0)) end.close(true)
  }
}

interface Held {
  readonly ends: Set<Endpoint>
  readonly listeners: Map<string, Listener>
}

/** The network of a run: who listens where, which connections there are, and how the lines are. */
export class Network {
  readonly #listeners = new Map<string, Listener>()
  readonly #held = new Map<SimProcess, Held>()
  readonly #darkEnds = new Map<string, Set<Endpoint>>()
  readonly #addresses = new Map<string, string>()
  readonly #addressOf = new Map<SimProcess, string>()
  #nextPort = 20_000
  #connections = 0
  /** Returns the line from one process to another. */
  lineBetween: (from: SimProcess, to: SimProcess) => Line = () => DEFAULT_LINE
  /** Where a connection to an address is led: what stands there may be a balancer. */
  route: (to: string) => string = (to) => to
  /** Names that have no address now. */
  isUnknown: (name: string) => boolean = () => false

  /** Ends of connections that a process holds. */
  get connections(): number {
    return this.#connections
  }

  freePort(): number {
    return this.#nextPort++
  }

  /** Returns the address of a name, which it gets when it is first asked for. */
  resolve(name: string): string | undefined {
    if (name === 'localhost') return LOOPBACK
    if (this.isUnknown(name)) return undefined
    const number = this.#addresses.size + 1
    const address = this.#addresses.get(name) ?? `10.0.${number >> 8}.${number & 0xff}`
    this.#addresses.set(name, address)
    return address
  }

  /** Says from which address a process opens its connections; otherwise 127.0.0.1. */
  setAddress(process: SimProcess, address: string): void {
    this.#addressOf.set(process, address)
  }

  /** Returns false if something listens there already. */
  listen(key: string, listener: Listener): boolean {
    const known = this.#listeners.get(key)
    if (known && !known.isDark) return false
    this.#listeners.set(key, listener)
    this.#heldBy(listener.owner).listeners.set(key, listener)
    // The machine is on again, and knows nothing of earlier connections.
    for (const end of this.#darkEnds.get(key) ?? []) end.isDark = false
    this.#darkEnds.delete(key)
    return true
  }

  unlisten(key: string, listener: Listener): void {
    if (this.#listeners.get(key) !== listener) return
    this.#listeners.delete(key)
    this.#held.get(listener.owner)?.listeners.delete(key)
    listener.close()
  }

  /** Opens a connection to whoever listens there. `to` is `address:port`, or a path. */
  connect(to: string, app: Application): Endpoint {
    const { schedule } = world
    const { current: owner } = schedule
    const end = new Endpoint(this, owner, this.#addressOf.get(owner) ?? LOOPBACK, this.freePort())
    end.app = app
    this.#knock(end, this.route(to), 0)
    return end
  }

  #find(to: string): Listener | undefined {
    return this.#listeners.get(to) ?? this.#listeners.get(`*${to.slice(to.lastIndexOf(':'))}`)
  }

  #knock(end: Endpoint, to: string, attempt: number): void {
    if (end.isClosed) return
    const { schedule } = world
    const listener = this.#find(to)
    const line = listener ? this.lineBetween(end.owner, listener.owner) : DEFAULT_LINE
    const isLost = listener && (line.isSwallowed || this.lineBetween(listener.owner, end.owner).isSwallowed)
    if (isLost || listener?.isDark || listener?.isFull) {
      const waitMs = SYN_RETRIES_MS[attempt]
      schedule.after(waitMs ?? 0, OUTSIDE, () =>
        waitMs === undefined ? end.connected('ETIMEDOUT') : this.#knock(end, to, attempt + 1),
      )
      return
    }
    const oneWayMs = line.latencyMs() / 2
    if (listener === undefined || line.isRefused)
      return void schedule.after(2 * oneWayMs, OUTSIDE, () => end.connected('ECONNREFUSED'))
    schedule.after(oneWayMs, OUTSIDE, () => {
      if (end.isClosed) return
      if (this.#find(to) !== listener)
        return void schedule.after(oneWayMs, OUTSIDE, () => end.connected('ECONNREFUSED'))
      const port = Number(to.slice(to.lastIndexOf(':') + 1)) || 0
      const other = new Endpoint(this, listener.owner, to.slice(0, Math.max(0, to.lastIndexOf(':'))), port)
      other.peer = end
      end.peer = other
      // Before anything that the other end may send at once.
      schedule.after(oneWayMs, OUTSIDE, () => end.connected())
      listener.add(other)
    })
  }

  add(end: Endpoint): void {
    this.#connections++
    this.#heldBy(end.owner).ends.add(end)
  }

  remove(end: Endpoint): void {
    if (this.#held.get(end.owner)?.ends.delete(end)) this.#connections--
  }

  /** What a process holds ends with it: the system closes its connections. */
  #heldBy(owner: SimProcess): Held {
    const known = this.#held.get(owner)
    if (known) return known
    const held: Held = { ends: new Set(), listeners: new Map() }
    this.#held.set(owner, held)
    owner.onKill.push(() => {
      for (const [key, listener] of held.listeners) if (!listener.isDark) this.unlisten(key, listener)
      for (const end of held.ends) end.close()
      this.#held.delete(owner)
    })
    return held
  }

  /**
   * The machine of a process loses its power: nothing that is sent to it is answered, and the process is killed. Once a process
   * listens where it listened, the machine is on again, and resets what it does not know.
   */
  cutPower(process: SimProcess): void {
    const held = this.#heldBy(process)
    const ends = new Set(held.ends)
    for (const end of ends) {
      end.isDark = true
      end.isForgotten = true
    }
    for (const [key, listener] of held.listeners) {
      listener.isDark = true
      this.#darkEnds.set(key, ends)
    }
    world.schedule.kill(process)
  }

  /** The ends of connections between processes that `isMeant` accepts. */
  between(isMeant: (from: SimProcess, to: SimProcess) => boolean): Endpoint[] {
    const found: Endpoint[] = []
    for (const { ends } of this.#held.values())
      for (const end of ends) if (end.peer && isMeant(end.owner, end.peer.owner)) found.push(end)
    return found
  }
}

/** The network that sockets and servers use from now on. */
export const net: { network: Network } = {} as never

export const keyOf = (address: string, port: number): string =>
  `${ANY_ADDRESS.has(address) ? '*' : address}:${port}`
