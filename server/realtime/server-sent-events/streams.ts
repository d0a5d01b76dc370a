import type { ServerResponse } from 'node:http'
import type { SubscribeRequest } from '../../../shared/protocol.ts'
import type { Principal } from '../../auth/principal.ts'
import { WaitingCount } from '../../lib/shared-bytes.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { MemoryBudget, Waiter } from '../../lib/memory-budget.ts'
import type { ConnectionLimits } from '../connection-limits.ts'
import type { DeliveryMonitor } from '../delivery/delivery.ts'
import type { Dismiss } from '../drain.ts'
import type { Hub } from '../rooms/hub.ts'
import type { Sessions } from '../sessions/registry.ts'
import { Session } from '../sessions/session.ts'
import type { SessionDependencies } from '../sessions/session.ts'
import { Slots } from '../slots.ts'
import { StreamTransport } from './stream-transport.ts'

interface StreamsDependencies extends SessionDependencies {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly connections: ConnectionLimits
  readonly delivery: Pick<DeliveryMonitor, 'greet'>
  readonly memory: Pick<MemoryBudget, 'add' | 'grew'>
  readonly log: Logger
}

/** The second transport: a room as server-sent events, for clients that cannot open a WebSocket. */
export function createStreams(
  { hub, sessions, connections, delivery, memory, log, ...dependencies }: StreamsDependencies,
  heartbeatMs: number,
) {
  const { metrics } = dependencies
  const open = new Set<StreamTransport>()
  const heartbeat = new Slots<StreamTransport>(heartbeatMs, (transport) => transport.keepAlive())
  /** Those for which something waits, or may. */
  const busy = new Set<StreamTransport>()
  const onWaiting = (transport: StreamTransport, bytes: number): void => {
    busy.add(transport)
    memory.grew(bytes)
  }
  memory.add({
    measure() {
      const count = new WaitingCount()
      let [bytes, leavingBytes] = [0, 0]
      for (const transport of busy) {
        const own = transport.measure(count)
        if (own === 0) busy.delete(transport)
        bytes += own
        if (!transport.isOpen()) leavingBytes += own
      }
      return { bytes: bytes + count.sharedBytes, leavingBytes }
    },
    waiters: () =>
      [...busy].flatMap((transport): Waiter[] => {
        const bytes = transport.isOpen() ? transport.heldBytes() : 0
        return bytes === 0 ? [] : [{ bytes, shed: () => transport.shed(bytes) }]
      }),
  })

  return {
    /** Opens a stream on one room, or responds with the refusal. Rejects like `ConnectionLimits.refusal`. */
    async open(principal: Principal, request: SubscribeRequest, response: ServerResponse): Promise<void> {
      const refusal = connections.refusal(response.req)
      if (refusal) throw refusal
      const transport = new StreamTransport(response, principal.role, { hub, metrics, log, onWaiting })
      // Closed during authentication: its `close` event has been emitted already.
      if (!transport.isOpen()) return
      const session = new Session(principal, transport, dependencies)
      const removeConnection = connections.add(response.req)
      sessions.add(principal.id, session)
      open.add(transport)
      heartbeat.add(transport)
      response.once('close', () => {
        heartbeat.remove(transport)
        open.delete(transport)
        busy.delete(transport)
        sessions.remove(principal.id, session)
        session.end()
        removeConnection()
      })
      await session.subscribe(request, (result) => {
        if (!result.ok) return transport.refuse(result)
        transport.start(result)
        delivery.greet(transport)
      })
    },

    count: (): number => open.size,
    /** Returns how many bytes are buffered for the slowest stream. */
    maxBufferedBytes: (): number =>
      [...open].reduce((max, transport) => Math.max(max, transport.waitingBytes()), 0),

    dismissals: (): Dismiss[] => [...open].map((transport) => (goodbye) => transport.close(goodbye)),
  }
}
