import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError, GOODBYES } from '../../../shared/errors.ts'
import { EVENT_STREAM_TYPE } from '../../../shared/limits.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Refused, ServerToClient, Subscribed, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import { respondWithError } from '../../http/error-response.ts'
import type { WaitingCount } from '../../lib/shared-bytes.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { CLOSE_GRACE_MS, MAX_BUFFERED_BYTES, shedGoodbye, SHED_GRACE_MS } from '../connection-limits.ts'
import type { Hub, Listener } from '../rooms/hub.ts'
import { prepareNotices } from '../rooms/prepared-event.ts'
import type { PreparedDelivery, PreparedGap, PreparedNotices, Role } from '../rooms/prepared-event.ts'
import { bytesInMemory } from '../sessions/replay.ts'
import type { Transport } from '../sessions/transport.ts'

interface StreamTransportDependencies {
  readonly hub: Hub
  readonly metrics: Metrics
  readonly log: Logger
  /** Something waits for the stream: about so many bytes more. */
  readonly onWaiting: (transport: StreamTransport, bytes: number) => void
}

/** Writes the events of a session to an HTTP response. The id of an event is the position to resume from. */
export class StreamTransport implements Transport, Listener {
  readonly kind = 'stream'
  readonly #response: ServerResponse
  readonly #role: Role
  readonly #deps: StreamTransportDependencies
  /** What a replay holds until the peer has read what was sent before. */
  #held: readonly Notice[] = []

  constructor(response: ServerResponse, role: Role, dependencies: StreamTransportDependencies) {
    this.#response = response
    this.#role = role
    this.#deps = dependencies
  }

  /** Begins the stream with the acknowledgement of its subscription. */
  start(subscribed: Subscribed): void {
    if (!this.isOpen()) return
    this.#response.setHeader('Content-Type', EVENT_STREAM_TYPE)
    // Proxies that compress would keep the stream in a buffer.
    this.#response.setHeader('Cache-Control', 'no-store, no-transform')
    // Keeps nginx from buffering the stream.
    this.#response.setHeader('X-Accel-Buffering', 'no')
    this.#response.writeHead(200)
    // A HEAD request may keep its connection open, and would be counted as a stream without receiving anything.
    if (this.#response.req.method === 'HEAD') return void this.#response.end()
    this.#write(
      'subscribed',
      JSON.stringify(subscribed),
      subscribed.recovered === 0 || subscribed.gap !== undefined ? subscribed.position : undefined,
    )
  }

  /** Responds with the error, or ends a stream that has begun. */
  refuse(refused: Refused): void {
    if (this.#response.headersSent || !this.isOpen()) return void this.#response.end()
    respondWithError(this.#response, refused)
  }

  /** A stream that has not begun yet can still be refused, with a status. */
  keepAlive(): void {
    if (this.isOpen() && this.#response.headersSent) this.#response.write(':\n\n')
  }

  isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded
  }

  waitingBytes(): number {
    return this.#response.writableLength
  }

  /** Measures what waits, and returns what of it is not shared with others. */
  measure(count: WaitingCount): number {
    const bytes = this.waitingBytes()
    if (bytes === 0) this.#held = []
    for (const notice of this.#held) count.addOnce(notice, bytesInMemory([notice]))
    return bytes
  }

  heldBytes(): number {
    return this.waitingBytes() + bytesInMemory(this.#held)
  }

  flushed(held: readonly Notice[] = []): Promise<void> {
    this.#held = held
    return flushed(this.#response)
  }

  join(room: Room): void {
    this.#deps.hub.join(this.#role, room, this)
  }

  leave(room: Room): void {
    this.#deps.hub.leave(this.#role, room, this)
  }

  finish(room: Room): void {
    this.#deps.hub.finish(this.#role, room, this)
  }

  replay(room: Room, epoch: string, notices: readonly Notice[]): void {
    if (notices.length === 0 || !this.isOpen()) return
    this.#deps.metrics.noticesDelivered(notices.length, 1)
    this.onNotices(prepareNotices(this.#role, room, epoch, notices))
  }

  onNotices({ payload, data }: PreparedNotices): void {
    // Being closed: it would be found slow again with each notice, until it has read the goodbye.
    if (!this.isOpen()) return
    const { epoch, notices } = payload
    this.#write('messages-recalled', data, { epoch, offset: notices.at(-1)?.offset ?? 0 })
    const waitingBytes = this.waitingBytes()
    if (waitingBytes <= MAX_BUFFERED_BYTES) return
    this.#deps.metrics.slowConsumerDisconnected()
    this.#deps.log.warn({ waitingBytes }, 'slow consumer disconnected')
    this.close(GOODBYES.TOO_SLOW)
  }

  onGap({ payload, data }: PreparedGap): void {
    this.#write('gap', data, payload.position)
  }

  /** One that has not begun is told when it begins. */
  onDelivery({ data }: PreparedDelivery): void {
    if (this.#response.headersSent) this.#write('delivery', data)
  }

  sendGap(room: Room, reason: GapReason, position: Position): void {
    this.#write('gap', JSON.stringify({ room, reason, position }), position)
  }

  /** Ends the stream too: it has no other room. */
  sendUnsubscribed(unsubscribed: Unsubscribed): void {
    this.#write('unsubscribed', JSON.stringify(unsubscribed))
    this.#response.end()
  }

  /** Sends the peer away because the memory of all is used up. */
  shed(waitingBytes: number): void {
    this.#deps.metrics.memoryShed('stream')
    this.#deps.log.warn({ waitingBytes }, 'stream sent away to free memory')
    this.close(shedGoodbye(), SHED_GRACE_MS)
  }

  /** A stream makes no further requests. */
  rest(): void {}

  close(goodbye: Goodbye, graceMs = CLOSE_GRACE_MS): void {
    if (!this.isOpen()) return
    // Before it begins, it can be refused like any other request.
    if (!this.#response.headersSent) return respondWithError(this.#response, refusalFor(goodbye))
    this.#write('goodbye', JSON.stringify(goodbye))
    this.#response.end()
    // A peer that does not read would never reach the end.
    setTimeout(() => this.#response.destroy(), graceMs).unref()
  }

  #write(event: keyof ServerToClient, json: string, position?: Position): void {
    if (!this.isOpen()) return
    const id = position === undefined ? '' : `id: ${position.epoch}:${position.offset}\n`
    const text = `event: ${event}\n${id}data: ${json}\n\n`
    this.#response.write(text)
    this.#deps.onWaiting(this, text.length)
  }
}

function refusalFor({ code }: Goodbye): GatewayError {
  if (code === GOODBYES.DISCONNECTED.code) return new GatewayError('USER_DISCONNECTED')
  if (code === GOODBYES.MEMORY_USED_UP.code) return new GatewayError('NODE_FULL')
  return new GatewayError(code === GOODBYES.CREDENTIAL_ENDED.code ? 'TOKEN_EXPIRED' : 'NODE_DRAINING')
}

/** Resolves once everything written has left this process, or the connection has closed. */
async function flushed(response: ServerResponse<IncomingMessage>): Promise<void> {
  while (!response.destroyed && response.writableNeedDrain) {
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        response.off('drain', settle).off('close', settle)
        resolve()
      }
      response.on('drain', settle).on('close', settle)
    })
  }
}
