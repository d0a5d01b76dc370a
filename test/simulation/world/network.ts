import { EventEmitter } from 'node:events'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { Duplex } from 'node:stream'
import { world } from './globals.ts'
import { real } from './real.ts'
import type { SimProcess, Task } from './schedule.ts'

const require = createRequire(import.meta.url)

/** Bytes on their way in one direction, beyond which the sender waits. */
const WINDOW_BYTES = 128 * 1024

/** How the line between two processes is; a fault changes it while connections last. */
export interface Line {
  latencyMs: () => number
  /** What is sent is lost, and nobody is told. */
  isSwallowed: boolean
  /** New connections are refused. */
  isRefused: boolean
}

interface Listener {
  readonly owner: SimProcess
  readonly accept: (socket: SimSocket) => void
}

/** The network of a run. */
export class Network {
  readonly #listeners = new Map<string, Listener>()
  readonly #sockets = new Set<SimSocket>()
  #nextPort = 20_000
  /** Returns the line between two processes. */
  lineBetween: (from: SimProcess, to: SimProcess) => Line = () => DEFAULT_LINE

  get connections(): number {
    return this.#sockets.size
  }

  freePort(): number {
    return this.#nextPort++
  }

  listen(key: string, listener: Listener): boolean {
    if (this.#listeners.has(key)) return false
    this.#listeners.set(key, listener)
    listener.owner.onKill.push(() => this.unlisten(key, listener))
    return true
  }

  unlisten(key: string, listener: Listener): void {
    if (this.#listeners.get(key) === listener) this.#listeners.delete(key)
  }

  /** Opens a connection to whoever listens there. */
  connect(key: string): SimSocket {
    const { schedule } = world
    const from = schedule.current
    const socket = new SimSocket(this, from)
    const listener = this.#listeners.get(key)
    const line = listener ? this.lineBetween(from, listener.owner) : DEFAULT_LINE
    const roundTripMs = line.latencyMs()
    if (line.isSwallowed) return socket
    if (listener === undefined || line.isRefused) {
      schedule.after(roundTripMs, from, () => socket.destroy(refused(key)))
      return socket
    }
    schedule.after(roundTripMs / 2, listener.owner, () => {
      if (socket.destroyed) return
      const other = new SimSocket(this, listener.owner)
      socket.join(other)
      listener.accept(other)
      schedule.after(roundTripMs / 2, from, () => socket.onConnected())
    })
    return socket
  }

  add(socket: SimSocket): void {
    this.#sockets.add(socket)
  }

  remove(socket: SimSocket): void {
    this.#sockets.delete(socket)
  }

  /** The sockets of connections between processes that `isMeant` accepts. */
  between(isMeant: (from: SimProcess, to: SimProcess) => boolean): SimSocket[] {
    return [...this.#sockets].filter(({ owner, peer }) => peer !== undefined && isMeant(owner, peer.owner))
  }
}

const DEFAULT_LINE: Line = { latencyMs: () => 0.2, isSwallowed: false, isRefused: false }

const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code })
const refused = (key: string): Error => failure('ECONNREFUSED', `connect ECONNREFUSED ${key}`)

/** One end of a connection; has what users of `net.Socket` expect. */
export class SimSocket extends Duplex {
  readonly owner: SimProcess
  readonly #network: Network
  peer: SimSocket | undefined
  connecting = true
  remoteAddress: string | undefined = '127.0.0.1'
  remotePort = 1
  remoteFamily = 'IPv4'
  localAddress = '127.0.0.1'
  localPort = 2
  bytesRead = 0
  bytesWritten = 0
  timeout = 0
  #early: (() => void)[] = []
  #idle: Task | undefined
  #inFlight = 0
  #blocked: (() => void) | undefined
  #canPush = true
  #received: (Buffer | null)[] = []
  #lastArrivalMs = 0
  /** Undefined while this end is alive; a machine that lost its power says nothing any more. */
  isSilenced = false

  constructor(network: Network, owner: SimProcess) {
    super({ allowHalfOpen: false, autoDestroy: true, emitClose: true })
    this.#network = network
    this.owner = owner
    network.add(this)
    owner.onKill.push(this.#onOwnerKilled)
  }

  readonly #onOwnerKilled = (): void => {
    this.#network.remove(this)
    if (!this.isSilenced) this.#tellPeer((peer) => peer.destroy(failure('ECONNRESET', 'read ECONNRESET')))
  }

  join(other: SimSocket): void {
    this.peer = other
    other.peer = this
    other.connecting = false
  }

  onConnected(): void {
    if (this.destroyed) return
    this.connecting = false
    for (const start of this.#early.splice(0)) start()
    this.emit('connect')
    this.emit('ready')
  }

  /** What the other end learns of this one, in order, when the line lets it through. */
  #tellPeer(tell: (peer: SimSocket) => void): void {
    const { peer } = this
    if (peer === undefined) return
    const line = this.#network.lineBetween(this.owner, peer.owner)
    if (line.isSwallowed) return
    const atMs = Math.max(this.#lastArrivalMs, world.schedule.nowMs + line.latencyMs() / 2)
    this.#lastArrivalMs = atMs
    world.schedule.at(atMs, peer.owner, () => {
      if (!peer.destroyed) tell(peer)
    })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    if (this.connecting) return void this.#early.push(() => this.#send(chunk, done))
    this.#touch()
    this.bytesWritten += chunk.length
    this.#inFlight += chunk.length
    this.#tellPeer((peer) => peer.#receive(chunk))
    if (this.#inFlight < WINDOW_BYTES) done()
    else this.#blocked = done
  }

  #receive(chunk: Buffer | null): void {
    this.#touch()
    if (!this.#canPush) return void this.#received.push(chunk)
    this.#give(chunk)
  }

  #give(chunk: Buffer | null): void {
    this.#canPush = this.push(chunk)
    if (chunk === null) return
    this.bytesRead += chunk.length
    const { peer } = this
    if (peer) peer.#onTaken(chunk.length)
  }

  #onTaken(bytes: number): void {
    this.#inFlight -= bytes
    const done = this.#blocked
    if (done === undefined || this.#inFlight >= WINDOW_BYTES) return
    this.#blocked = undefined
    world.schedule.after(0, this.owner, () => done())
  }

  override _read(): void {
    this.#canPush = true
    while (this.#canPush && this.#received.length > 0) this.#give(this.#received.shift() as Buffer | null)
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.connecting) return void this.#early.push(() => this._final(done))
    this.#tellPeer((peer) => peer.#receive(null))
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#network.remove(this)
    if (this.#idle) this.#idle.run = undefined
    const hooks = this.owner.onKill
    const i = hooks.lastIndexOf(this.#onOwnerKilled)
    if (i >= 0) hooks.splice(i, 1)
    const isClean = this.writableFinished
    this.#tellPeer((peer) =>
      isClean ? peer.#receive(null) : peer.destroy(failure('ECONNRESET', 'read ECONNRESET')),
    )
    done(error)
  }

  /** Cut by the network: both ends learn it. */
  cut(): void {
    const { peer } = this
    for (const end of [this, peer])
      if (end && !end.destroyed)
        world.schedule.after(0, end.owner, () => void end.destroy(failure('ECONNRESET', 'read ECONNRESET')))
  }

  #touch(): void {
    if (this.timeout > 0) this.setTimeout(this.timeout)
  }

  setTimeout(ms: number, callback?: () => void): this {
    this.timeout = ms
    if (this.#idle) this.#idle.run = undefined
    if (callback) this.once('timeout', callback)
    if (ms > 0) this.#idle = world.schedule.after(ms, this.owner, () => this.emit('timeout'))
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  address(): object {
    return { address: this.localAddress, port: this.localPort, family: 'IPv4' }
  }

  get pending(): boolean {
    return this.connecting
  }

  get readyState(): string {
    return this.connecting ? 'opening' : 'open'
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  resetAndDestroy(): this {
    return this.destroy(failure('ECONNRESET', 'reset'))
  }
}

interface Address {
  readonly host?: string
  readonly port?: number | string
  readonly path?: string
}

const keyOf = ({ host, port, path }: Address): string => path ?? `${host ?? 'localhost'}:${port}`

/** The network that sockets and servers use from now on. */
export const net: { network: Network } = {} as never

const toAddress = (first: unknown, second: unknown): Address =>
  typeof first === 'object' && first !== null
    ? first
    : typeof first === 'string' && Number.isNaN(Number(first))
      ? { path: first }
      : { port: first as number, host: typeof second === 'string' ? second : '127.0.0.1' }

const callbackIn = (values: readonly unknown[]): (() => void) | undefined =>
  values.find((value): value is () => void => typeof value === 'function')

/** Replaces what `node:net` opens. */
export function replaceNetwork(): void {
  const module = require('node:net') as Record<string, unknown> & {
    Server: { prototype: EventEmitter & Record<string, unknown> }
  }
  const connect = (...values: unknown[]): SimSocket => {
    const socket = net.network.connect(keyOf(toAddress(values[0], values[1])))
    const onConnect = callbackIn(values)
    if (onConnect) socket.once('connect', onConnect)
    return socket
  }
  module['connect'] = connect
  module['createConnection'] = connect
  const servers = new WeakMap<object, { key: string; listener: Listener; port: number }>()

  Object.assign(module.Server.prototype, {
    listen(this: EventEmitter, ...values: unknown[]) {
      const address = toAddress(values[0], values[1])
      const port = Number(address.port ?? 0) || net.network.freePort()
      const key = keyOf(address.path === undefined ? { ...address, port } : address)
      const owner = world.schedule.current
      const listener = { owner, accept: (socket: SimSocket) => void this.emit('connection', socket) }
      const onListening = callbackIn(values)
      if (onListening) this.once('listening', onListening)
      const isFree = net.network.listen(key, listener)
      if (isFree) {
        servers.set(this, { key, listener, port })
        owner.onKill.push(() => endChecks(this))
      }
      world.schedule.after(0, owner, () => {
        if (isFree) this.emit('listening')
        else this.emit('error', failure('EADDRINUSE', `listen EADDRINUSE ${key}`))
      })
      return this
    },
    address(this: object) {
      const known = servers.get(this)
      return known ? { address: '127.0.0.1', family: 'IPv4', port: known.port } : null
    },
    close(this: EventEmitter, callback?: (error?: Error) => void) {
      const known = servers.get(this)
      if (known) net.network.unlisten(known.key, known.listener)
      servers.delete(this)
      endChecks(this)
      if (callback) this.once('close', callback)
      world.schedule.after(0, world.schedule.current, () => this.emit('close'))
      return this
    },
    ref(this: object) {
      return this
    },
    unref(this: object) {
      return this
    },
  })
  Object.defineProperty(module.Server.prototype, 'listening', {
    get(this: object) {
      return servers.has(this)
    },
    configurable: true,
  })
  syncBuiltinESMExports()
}

/** An HTTP server looks for slow requests in real time, for as long as it lives. */
function endChecks(server: object): void {
  for (const symbol of Object.getOwnPropertySymbols(server))
    if (String(symbol).includes('connectionsCheckingInterval'))
      real.clearInterval((server as Record<symbol, NodeJS.Timeout>)[symbol])
}
