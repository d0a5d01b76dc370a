import { join } from 'node:path'
import type { QuarantineKind } from '../../../shared/http-api/quarantine.ts'
import type { Disk } from '../../lib/disk.ts'

/** Another process removed the entry with this id: the owner of the journals removes it then. */
const BY_ID = /^entry-(\d{1,15})\.removed$/
/** As the version before this one says it: by the key in the journal of its kind. */
const BY_KEY = /^(webhook|recall|rotten)-(\d{1,15})\.removed$/

/** What other processes removed from a quarantine: empty files in its folder. */
export function createRemovedMarks(disk: Disk, folder: string) {
  return {
    /** Says that an entry is removed. */
    put(id: number): void {
      disk.replace(join(folder, `entry-${id}.removed`), Buffer.alloc(0))
    },

    read() {
      const files: string[] = []
      const ids = new Set<number>()
      const keys = new Set<string>()
      for (const file of disk.list(folder)) {
        const [, id] = BY_ID.exec(file) ?? []
        const [, kind, key] = BY_KEY.exec(file) ?? []
        if (id !== undefined) ids.add(Number(id))
        else if (key !== undefined) keys.add(`${kind} ${Number(key)}`)
        else continue
        files.push(file)
      }
      return {
        files,
        has: ({
          id,
          kind,
          key,
        }: {
          readonly id: number
          readonly kind: QuarantineKind
          readonly key: number
        }): boolean => ids.has(id) || keys.has(`${kind} ${key}`),
      }
    },

    remove(files: readonly string[]): void {
      for (const file of files) disk.remove(join(folder, file))
    },
  }
}
