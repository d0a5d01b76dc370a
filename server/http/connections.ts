import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from '../../shared/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { clientNetwork } from './client-address.ts'
import { endWithError } from './error-response.ts'

/** Idle connections give way this much before the maximum: as many as the system may accept in one turn. */
const RESERVE = 512
/** One that was idle for less has just come, or just been answered, and is about to ask: it gives way only at the maximum. */
const MIN_IDLE_MS = 1_000

interface ConnectionOptions {
  /** Maximum connections of the process. */
  readonly max: number
  /** Maximum connections of one client network, beside its WebSockets. */
  readonly perAddress: number
  /** Whether a peer is a trusted proxy: its connections carry requests of many clients, and it is not bounded like one. */
  readonly isProxy: (request: { readonly socket: Socket }) => boolean
}

interface ConnectionDependencies {
  readonly metrics: Pick<Metrics, 'connectionGaveWay'>
  readonly refusals: Refusals
  readonly log: Logger
}

/** The connections of one client network that are not WebSockets. */
interface Network {
  readonly name: string
  readonly max: number
  open: number
  /** Those without a request in progress, longest idle first. */
  readonly idle: Set<Socket>
}

/** A connection, its network, and the TCP connection below: the same, without TLS. */
interface Open {
  readonly network: Network
  readonly tcp: Socket
  /** When the request in progress began, or the latest one ended, by `performance.now()`. */
  sinceMs: number
}

/**
 * Bounds the connections of a server, in all and of each client network. Where a bound is reached, idle connections give way,
 * the longest idle one of the network with most of them first, so that nobody can hold what others need. New connections are
 * refused only if every other is in use.
 */
export class Connections {
  readonly #options: ConnectionOptions
  readonly #deps: ConnectionDependencies
  readonly #networks = new Map<string, Network>()
  /** Without WebSockets. */
  readonly #open = new Map<Socket, Open>()
  /** Those with a request in progress. */
  readonly #busy = new Set<Socket>()
  /** All TCP connections, WebSockets too. Those that have been told to go are not in it. */
  readonly #tcp = new Set<Socket>()
  /** TCP connections during their TLS handshake, by the port and address of the peer. */
  readonly #handshaking = new Map<string, Socket>()

  constructor(
    server: Server,
    isSecure: boolean,
    options: ConnectionOptions,
    dependencies: ConnectionDependencies,
  ) {
    this.#options = options
    this.#deps = dependencies
    // One function for all connections: there are many, and those of sockets are long-lived.
    const remove = this.#remove.bind(this)
    const onClose = function (this: Socket): void {
      remove(this)
    }
    server.on('connection', (tcp: Socket) => {
      tcp.on('close', onClose)
      if (isSecure) this.#handshaking.set(peerOf(tcp), tcp)
      this.#accept(tcp)
    })
    if (isSecure)
      server.on('secureConnection', (socket: Socket) => {
        socket.on('close', onClose)
        this.#secure(socket)
      })
    // Beyond them, connections would be refused with a response first.
    server.maxConnections = options.max + RESERVE
    server.on('drop', () => this.#refuse(undefined, 'NODE_FULL'))
  }

  /** A request has begun on an idle connection. */
  busy(socket: Socket): void {
    const open = this.#open.get(socket)
    if (open === undefined) return
    open.network.idle.delete(socket)
    this.#busy.add(socket)
    open.sinceMs = performance.now()
  }

  /** All requests of a connection have been answered. */
  idle(socket: Socket): void {
    this.#busy.delete(socket)
    const open = this.#open.get(socket)
    if (open === undefined) return
    open.network.idle.add(socket)
    open.sinceMs = performance.now()
  }

  /** The connection has become a WebSocket, which has limits of its own. */
  becameWebSocket(socket: Socket): void {
    this.#leaveNetwork(socket)
  }

  /** Returns the connections with a request in progress. */
  inProgress(): Iterable<Socket> {
    return this.#busy
  }

  /** Returns the connections whose requests have been in progress for longer than this. */
  busyFor(ms: number): Socket[] {
    const since = performance.now() - ms
    return [...this.#busy].filter((socket) => (this.#open.get(socket)?.sinceMs ?? Infinity) < since)
  }

  destroyAll(): void {
    for (const tcp of this.#tcp) tcp.destroy()
  }

  #accept(tcp: Socket): void {
    const network = this.#networkOf(tcp)
    this.#tcp.add(tcp)
    if (network.open >= network.max && !this.#giveWay(network, 'address'))
      return this.#refuse(tcp, 'TOO_MANY_CONNECTIONS', network.name)
    if (this.#tcp.size > this.#options.max - this.#reserve) this.#makeRoom()
    if (this.#tcp.size > this.#options.max) return this.#refuse(tcp, 'NODE_FULL')
    this.#networks.set(network.name, network)
    network.open++
    network.idle.add(tcp)
    this.#open.set(tcp, { network, tcp, sinceMs: performance.now() })
  }

  /** From here on, the connection is the one that speaks TLS. */
  #secure(socket: Socket): void {
    const peer = peerOf(socket)
    const tcp = this.#handshaking.get(peer)
    this.#handshaking.delete(peer)
    const open = tcp && this.#open.get(tcp)
    if (tcp === undefined || open === undefined) return
    this.#open.delete(tcp)
    open.network.idle.delete(tcp)
    open.network.idle.add(socket)
    this.#open.set(socket, open)
  }

  #networkOf(tcp: Socket): Network {
    const isProxy = this.#options.isProxy({ socket: tcp })
    const address = clientNetwork(tcp.remoteAddress ?? '')
    const name = isProxy ? `proxy ${address}` : address
    const max = isProxy ? Infinity : this.#options.perAddress
    return this.#networks.get(name) ?? { name, max, open: 0, idle: new Set() }
  }

  get #reserve(): number {
    return Math.min(RESERVE, this.#options.max >> 3)
  }

  /** Closes idle connections until the reserve is free again, or there are none. */
  #makeRoom(): void {
    while (this.#tcp.size > this.#options.max - this.#reserve) {
      const isFull = this.#tcp.size > this.#options.max
      let most: Network | undefined
      for (const network of this.#networks.values())
        if (network.idle.size > (most?.idle.size ?? 0) && (isFull || this.#isLongIdle(network)))
          most = network
      if (most === undefined || !this.#giveWay(most, 'process')) return
    }
  }

  #isLongIdle({ idle }: Network): boolean {
    const [socket] = idle
    const open = socket && this.#open.get(socket)
    return open !== undefined && performance.now() - open.sinceMs >= MIN_IDLE_MS
  }

  /** Closes the longest idle connection of a network. Returns false if there is none. */
  #giveWay(network: Network, limit: 'address' | 'process'): boolean {
    const [socket] = network.idle
    if (socket === undefined) return false
    const tcp = this.#open.get(socket)?.tcp
    this.#leaveNetwork(socket)
    if (tcp) this.#tcp.delete(tcp)
    socket.destroy()
    this.#deps.metrics.connectionGaveWay(limit)
    this.#deps.log.warn({ limit, address: network.name }, 'idle connection closed to make room')
    return true
  }

  #refuse(tcp: Socket | undefined, code: 'TOO_MANY_CONNECTIONS' | 'NODE_FULL', address?: string): void {
    const fields = address === undefined ? {} : { address }
    const error = this.#deps.refusals.report('connection', new GatewayError(code), fields)
    if (tcp === undefined) return
    // A peer that expects TLS could not read it.
    if (this.#handshaking.delete(peerOf(tcp))) tcp.destroy()
    else endWithError(tcp, error)
  }

  #remove(socket: Socket): void {
    this.#leaveNetwork(socket)
    this.#tcp.delete(socket)
    if (this.#handshaking.size > 0 && this.#handshaking.get(peerOf(socket)) === socket)
      this.#handshaking.delete(peerOf(socket))
  }

  #leaveNetwork(socket: Socket): void {
    const network = this.#open.get(socket)?.network
    if (network === undefined) return
    this.#open.delete(socket)
    this.#busy.delete(socket)
    network.idle.delete(socket)
    if (--network.open === 0) this.#networks.delete(network.name)
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
