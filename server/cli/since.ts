import { GatewayError } from '../../shared/errors.ts'
import type { NoticesResponse } from '../../shared/http-api.ts'
import { parseInstant } from '../../shared/instant.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { GatewayApi } from './gateway-api.ts'
import { parametersOf } from './room-options.ts'

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A place in a log: a position, or a time in ms since 1970. */
export type Since = { readonly position: Position } | { readonly receivedSinceMs: number }

/** Parses `epoch:offset`, `10m` or a time such as `2026-11-27T10:00Z`. Throws CONFIG_INVALID. */
export function parseSince(text: string, nowMs: number): Since {
  const [, epoch, offset] = /^([\w-]{1,64}):(\d{1,15})$/.exec(text) ?? []
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (count !== undefined) return { receivedSinceMs: nowMs - Number(count) * (UNITS_MS[unit] ?? 0) }
  const instant = parseInstant(text)
  if (instant !== undefined) return { receivedSinceMs: instant.startMs }
  const isTime = /^\d{4}-\d\d-\d\d/.test(text)
  if (!isTime && epoch !== undefined && offset !== undefined)
    return { position: { epoch, offset: Number(offset) } }
  throw new GatewayError(
    'CONFIG_INVALID',
    '--since must be how long ago (10m, 2h, 7d), a time with its zone (2026-11-27T10:00Z, or +08:00), a day in UTC (2026-11-27) or a position (epoch:offset)',
  )
}

/** Resolves to the position before what was received since then. */
export async function positionSince(api: GatewayApi, room: Room, since: Since): Promise<Position> {
  if ('position' in since) return since.position
  const parameters = parametersOf(room)
  parameters.set('receivedSinceMs', String(Math.max(0, since.receivedSinceMs)))
  parameters.set('limit', '1')
  const { notices, position } = await api.get<NoticesResponse>('/v1/notices', parameters)
  const [first] = notices
  const offset = first === undefined ? position.offset : first.offset - 1
  return { epoch: position.epoch, offset }
}
