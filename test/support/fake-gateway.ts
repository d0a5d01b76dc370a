import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import type { Socket } from 'socket.io'
import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { ClientToServer, ServerToClient, SubscribeRequest, Subscribed } from '../../shared/protocol.ts'
import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { waitUntil } from './wait.ts'

/** How long a request takes that is to be late. */
const LATE_MS = 4

type NodeSocket = Socket<ClientToServer, ServerToClient>

interface Log {
  epoch: string
  /** The first offset that is still there. */
  first: number
  end: number
}

export const noticeAt = (offset: number): Notice => ({
  offset,
  group: 'g',
  messages: [{ seq: offset }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})

interface FakeNode {
  /** How many subscribe requests it takes from a handshake. By default, it does not know of them. */
  readonly takes?: number
  /** Whether it says `hello`, as a node of version 1 does not. */
  readonly hello?: boolean
}

/**
 * A node's side of the protocol on real sockets, with logs that a test writes, trims and loses at will. Each notice carries
 * its offset as the seq of its message.
 */
export async function startFakeGateway(path = '/socket.io/', { takes, hello = true }: FakeNode = {}) {
  const http = createServer()
  const io = new Server<ClientToServer, ServerToClient>(http, { transports: ['websocket'], path })
  const logs = new Map<string, Log>()
  let epochs = 0
  const logOf = (room: Room): Log => {
    const name = roomName(room)
    const log = logs.get(name) ?? { epoch: `e${epochs++}`, first: 1, end: 0 }
    logs.set(name, log)
    return log
  }
  const positionOf = ({ epoch, end }: Log): Position => ({ epoch, offset: end })
  const requests: { readonly room: Room; readonly since: Position | undefined }[] = []

  const offers: (readonly SubscribeRequest[])[] = []
  const asked: SubscribeRequest[] = []

  const answer = (room: Room, since: Position | undefined): Subscribed => {
    const log = logOf(room)
    const position = positionOf(log)
    const base = { ok: true as const, room, position, recovered: 0 }
    if (since === undefined) return base
    if (since.epoch !== log.epoch || since.offset > log.end) return { ...base, gap: 'epoch-changed' }
    if (since.offset + 1 < log.first) return { ...base, gap: 'trimmed' }
    return { ...base, recovered: log.end - since.offset }
  }
  const send = (socket: NodeSocket, room: Room, from: number): void => {
    const { epoch, end } = logOf(room)
    const notices = Array.from({ length: end - from }, (_, i) => noticeAt(from + i + 1))
    // In parts, as a node sends what was missed.
    for (let i = 0; i < notices.length; i += 3)
      socket.emit('messages-recalled', { room, epoch, notices: notices.slice(i, i + 3) })
  }

  let refusals = 0
  let late = 0
  io.on('connection', (socket) => {
    const { subscribe = [] } = socket.handshake.auth as { subscribe?: SubscribeRequest[] }
    const taken = subscribe.slice(0, takes ?? 0)
    const subscribing = takes === undefined ? {} : { subscribing: taken.length }
    offers.push(subscribe)
    if (hello)
      socket.emit('hello', { expiresInMs: 3_600_000, silenceMs: 60_000, protocolVersion: 2, ...subscribing })
    let before: Promise<void> | undefined
    /** A node takes the requests of a socket one after the other. */
    const inTurn = (run: () => void): void => {
      if (late === 0 && before === undefined) return run()
      const ms = late > 0 ? LATE_MS : 0
      late = Math.max(0, late - 1)
      before = (before ?? Promise.resolve()).then(() => delay(ms)).then(run)
    }
    const onSubscribe: ClientToServer['subscribe'] = ({ since, ...room }, ack) =>
      inTurn(() => {
        requests.push({ room, since })
        if (refusals > 0) {
          refusals--
          return ack({ ok: false, code: 'BROKER_UNAVAILABLE', message: 'not now', retry: true })
        }
        const response = answer(room, since)
        ack(response)
        send(socket, room, response.position.offset - response.recovered)
        if (socket.connected) void socket.join(roomName(room))
      })
    socket.on('subscribe', (request, ack) => {
      asked.push(request)
      onSubscribe(request, ack)
    })
    for (const [index, request] of taken.entries())
      onSubscribe(request, (response) => socket.emit('subscribed', { index, answer: response }))
    socket.on('unsubscribe', (room, ack) =>
      inTurn(() => {
        void socket.leave(roomName(room))
        ack({ ok: true })
      }),
    )
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo

  return {
    io,
    url: `http://127.0.0.1:${port}`,
    port,
    /** The next requests for rooms are refused for now. */
    refuse(count: number): void {
      refusals = count
    },
    /** The next requests take a few ms. */
    delay(count: number): void {
      late = count
    },
    /** Every subscribe request so far. */
    requests,
    /** Those that came with each handshake, and those that came by themselves. */
    offers,
    asked,
    position: (room: Room): Position => positionOf(logOf(room)),
    publish(room: Room): void {
      const log = logOf(room)
      log.end++
      io.to(roomName(room)).emit('messages-recalled', {
        room,
        epoch: log.epoch,
        notices: [noticeAt(log.end)],
      })
    },
    /** Drops what the log holds: clients that have not received it get a gap when they return. */
    trim(room: Room): void {
      const log = logOf(room)
      log.first = log.end + 1
    },
    /** Starts the log over under another epoch, and tells who is in the room. */
    lose(room: Room, reason: GapReason = 'epoch-changed'): void {
      const log = logOf(room)
      Object.assign(log, { epoch: `e${epochs++}`, first: log.end + 1 })
      io.to(roomName(room)).emit('gap', { room, reason, position: positionOf(log) })
    },
    /** Takes the log back to an earlier state with the same epoch, as a power cut of everything does. */
    rollBack(room: Room, end: number, epoch = logOf(room).epoch): void {
      Object.assign(logOf(room), { end, epoch })
    },
    /** How many sockets are in the room. */
    count: (room: Room): number => io.of('/').adapter.rooms.get(roomName(room))?.size ?? 0,
    /** The only socket, whose requests for rooms are the test's to answer. */
    async takeSocket(): Promise<NodeSocket> {
      const [socket] = await waitUntil('it is connected', () => {
        const sockets = [...io.of('/').sockets.values()]
        return sockets.length > 0 && sockets
      })
      if (socket === undefined) throw new Error('no socket')
      socket.removeAllListeners('subscribe')
      return socket
    },
    /** Closes all connections, but accepts new ones. */
    cut(): void {
      for (const socket of io.of('/').sockets.values()) socket.conn.close()
    },
    async stop(): Promise<void> {
      await io.close()
    },
  }
}
