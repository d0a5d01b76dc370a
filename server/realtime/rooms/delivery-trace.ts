import type { Notice } from '../../../shared/notice.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { parseTraceparent } from '../../telemetry/tracing/trace-context.ts'
import type { TraceContext } from '../../telemetry/tracing/trace-context.ts'
import type { Tracing } from '../../telemetry/tracing/tracing.ts'

interface Written {
  readonly notices: readonly Notice[]
  readonly sockets: number
  /** When writing began, by `performance.now()`. */
  readonly startedMs: number
}

/** Called once notices were written to all sockets and streams of a room on this node. */
export type TraceDelivery = (room: Room, written: Written) => void

/**
 * Tells the log, at debug, and the collector which traced notices reached sockets: once for each room, not for each socket. A frame may
 * serve many traces, and a trace many frames, so the span of a frame is linked with those that it serves. Undefined if nobody wants to know.
 */
export function createDeliveryTrace({
  tracing,
  log,
}: {
  readonly tracing: Pick<Tracing, 'recordsSpans' | 'recordLinked'>
  readonly log: Logger
}): TraceDelivery | undefined {
  const isLogged = log.isLevelEnabled('debug')
  if (!tracing.recordsSpans && !isLogged) return undefined

  return (room, { notices, sockets, startedMs }) => {
    const links: TraceContext[] = []
    const name = roomName(room)
    const nowMs = Date.now()
    for (const { traceparent, offset, receivedAtMs } of notices) {
      if (traceparent === undefined) continue
      const context = parseTraceparent(traceparent)
      if (context === undefined) continue
      links.push(context)
      const fields = { trace_id: context.traceId, room: name, offset, sockets, afterMs: nowMs - receivedAtMs }
      if (isLogged) log.debug(fields, 'notice written to sockets')
    }
    if (links.length === 0) return
    tracing.recordLinked(links, {
      name: 'deliver notices',
      kind: 'consumer',
      startedMs,
      endedMs: performance.now(),
      attributes: {
        'recall_gateway.room': name,
        'recall_gateway.notices': notices.length,
        'recall_gateway.first_offset': notices[0]?.offset,
        'recall_gateway.sockets': sockets,
      },
    })
  }
}
