import type { QuarantineKind } from '../../../shared/http-api/quarantine.ts'
import type { Disk } from '../../lib/disk.ts'
import { readOldStore } from '../../lib/old-store.ts'
import { encodeBody } from './quarantine.ts'
import type { QuarantinedRequest } from './quarantine.ts'

interface OldEntry {
  readonly id: number
  readonly kind: QuarantineKind
  readonly request: QuarantinedRequest
}

/** Returns what the version before the journals kept in this folder. */
export function readOldQuarantine(disk: Disk, folder: string) {
  const entries: OldEntry[] = []
  const old = readOldStore(disk, folder, ({ database, key, value }) => {
    if (typeof key !== 'number') return
    try {
      const request = JSON.parse(value.toString()) as QuarantinedRequest
      entries.push({ id: key, kind: database === 'requests' ? 'webhook' : 'recall', request })
    } catch {
      entries.push({
        id: key,
        kind: 'rotten',
        request: toRotten(value, `entry ${key} in ${folder} is rotten`),
      })
    }
  })
  const unique = new Map(entries.map((entry) => [entry.id, entry]))
  return { entries: [...unique.values()], damage: old?.damage, finish: () => old?.finish() }
}

/** Returns how bytes are kept that the disk returned in the place of something. */
export const toRotten = (bytes: Buffer, reason: string): QuarantinedRequest => ({
  receivedAtMs: Date.now(),
  query: '',
  ...encodeBody(bytes),
  reason,
})
