import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERRORS, GatewayError, GOODBYES } from '../../shared/errors.ts'
import type { Position } from '../../shared/position.ts'
import type { Goodbye, ServerToClient, SubscribeRequest, Subscribed } from '../../shared/protocol.ts'
import type { Principal } from '../auth/principal.ts'
import { prepareNotices } from './rooms/prepared-event.ts'
import type { Hub, Listener } from './rooms/hub.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { Session } from './sessions/session.ts'
import type { SessionDependencies } from './sessions/session.ts'
import type { Transport } from './sessions/transport.ts'
import type { Sessions } from './sessions/registry.ts'

/** More waits for a stream: it is sent away, and comes back with its position. */
const MAX_BUFFERED_BYTES = 1024 * 1024
/** So that proxies do not take a quiet stream for a dead one. */
const KEEP_ALIVE_INTERVAL_MS = 15_000

interface StreamsDependencies extends SessionDependencies {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly connections: ConnectionLimits
}

/** Rooms as server-sent events: for those who cannot have a WebSocket. */
export function createStreams({ hub, sessions, connections, ...dependencies }: StreamsDependencies) {
  const goodbyes = new Set<(goodbye: Goodbye) => void>()

  /** Opens a stream on one room, or answers why not. Rejects with NODE_FULL. */
  async function open(principal: Principal, ask: SubscribeRequest, response: ServerResponse): Promise<void> {
    if (connections.isFull(response.req)) throw new GatewayError('NODE_FULL')
    const face = principal.role
    const { metrics } = dependencies
    const isOpen = (): boolean => !response.destroyed && !response.writableEnded
    // Gone while it was authenticated: its end would never be heard of.
    if (!isOpen()) return

    function write(event: keyof ServerToClient | 'subscribed', data: object, position?: Position): void {
      if (!isOpen()) return
      const id = position === undefined ? '' : `id: ${position.epoch}:${position.offset}\n`
      response.write(`event: ${event}\n${id}data: ${JSON.stringify(data)}\n\n`)
    }
    function close(goodbye: Goodbye): void {
      write('goodbye', goodbye)
      response.end()
      // One that does not read would never come to the end.
      setTimeout(() => response.destroy(), KEEP_ALIVE_INTERVAL_MS).unref()
    }
    const listener: Listener = {
      onNotices({ payload }) {
        const { epoch, notices } = payload
        write('messages-recalled', payload, { epoch, offset: notices.at(-1)?.offset ?? 0 })
        if (response.writableLength <= MAX_BUFFERED_BYTES) return
        metrics.socketTooSlow()
        close(GOODBYES.TOO_SLOW)
      },
      onGap: ({ payload }) => write('gap', payload, payload.position),
    }
    const side: Transport = {
      isOpen,
      flushed: () => flushed(response),
      join: (room) => hub.join(face, room, listener),
      leave: (room) => hub.leave(face, room, listener),
      replay(room, epoch, notices) {
        if (notices.length === 0 || !isOpen()) return
        metrics.noticesDelivered(notices.length, 1)
        listener.onNotices(prepareNotices(face, room, epoch, notices))
      },
      sendGap: (room, reason, position) => write('gap', { room, reason, position }, position),
      sendUnsubscribed(unsubscribed) {
        write('unsubscribed', unsubscribed)
        response.end()
      },
      close,
    }
    const session = new Session(principal, side, dependencies)

    function begin(answer: Subscribed): void {
      response.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        // Or nginx would gather what is meant to come at once.
        'X-Accel-Buffering': 'no',
      })
      // Who asks for the head alone may stay connected, and would hold a place without hearing anything.
      if (response.req.method === 'HEAD') return void response.end()
      write('subscribed', answer, answer.recovered === 0 ? answer.position : undefined)
    }

    const forget = connections.add(response.req)
    const alive = setInterval(() => isOpen() && response.write(':\n\n'), KEEP_ALIVE_INTERVAL_MS)
    sessions.add(principal.id, session)
    goodbyes.add(close)
    response.once('close', () => {
      clearInterval(alive)
      goodbyes.delete(close)
      sessions.remove(principal.id, session)
      session.end()
      forget()
    })
    await session.subscribe(ask, (answer) => {
      if (answer.ok) return begin(answer)
      const { code, message } = answer
      if (response.headersSent) return void response.end()
      response.writeHead(ERRORS[code].status, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ code, message }))
    })
  }

  return {
    open,
    count: (): number => goodbyes.size,
    /** Sends all of them to another node. */
    drain: (): void => {
      for (const close of goodbyes) close(GOODBYES.DRAINING)
    },
  }
}

/** Resolves once all that was written has left this process, or the connection is closed. */
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
