import { GatewayError } from '../../../shared/errors.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { Position } from '../../../shared/position.ts'

/** Reads `epoch, offset, epoch, offset …`. */
export function toPositions(reply: unknown): Position[] {
  const flat = toArray(reply)
  const positions: Position[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [epoch, offset] = [flat[i], flat[i + 1]]
    if (typeof epoch !== 'string' || typeof offset !== 'number') throw unexpected()
    positions.push({ epoch, offset })
  }
  return positions
}

/** Reads `stream id, entry, stream id, entry …`; null for an entry that `read` refuses. */
export function toEntries(
  flat: readonly unknown[],
  read: (entry: string, offset: number) => Notice | null,
): (Notice | null)[] {
  const entries: (Notice | null)[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [id, text] = [flat[i], flat[i + 1]]
    if (typeof id !== 'string' || typeof text !== 'string') throw unexpected()
    entries.push(read(text, Number.parseInt(id, 10)))
  }
  return entries
}

/** Reads `epoch:offset:entry`, the form in which an entry travels; null for anything else. */
export function parseMessage(
  message: string,
): { readonly epoch: string; readonly offset: number; readonly entry: string } | null {
  const [, epoch, offset, entry] = /^([^:]{1,64}):(\d{1,15}):(.*)$/s.exec(message) ?? []
  if (epoch === undefined || offset === undefined || entry === undefined) return null
  return { epoch, offset: Number(offset), entry }
}

/** Reads `[id, ['t', text]] …`; leaves out what no gateway wrote. */
export function toAnnouncements(reply: unknown): { readonly id: string; readonly text: string }[] {
  return toArray(reply).flatMap((entry) => {
    const [id, fields] = toArray(entry)
    const [name, text] = toArray(fields)
    return typeof id === 'string' && name === 't' && typeof text === 'string' ? [{ id, text }] : []
  })
}

/** Reads `id, age in ms, text, id, age in ms, text …`. */
export function toReports(reply: unknown) {
  const flat = toArray(reply)
  const reports: { readonly id: string; readonly ageMs: number; readonly text: string }[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [id, ageMs, text] = [flat[i], flat[i + 1], flat[i + 2]]
    if (typeof id !== 'string' || typeof ageMs !== 'number' || typeof text !== 'string') throw unexpected()
    reports.push({ id, ageMs, text })
  }
  return reports
}

export function toArray(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw unexpected()
  return reply
}

const unexpected = () => new GatewayError('BROKER_UNAVAILABLE', 'Redis answered in an unexpected shape')
