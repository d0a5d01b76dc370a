import { randomUUID } from 'node:crypto'
import { readChecked, writeChecked } from '../../lib/checked-file.ts'
import type { Disk } from '../../lib/disk.ts'
import type { Logger } from '../../telemetry/logger.ts'

interface MarkerWriterOptions {
  readonly file: string
  readonly disk: Disk
}

/**
 * The random name under which a process stores its markers, noted on disk for the next one. A marker proves only what its writer
 * was confirmed, and the process that follows it: another one, on a copy of the data folder, was confirmed other recalls.
 */
export function openMarkerWriter({ file, disk }: MarkerWriterOptions, { log }: { readonly log: Logger }) {
  const stored = readChecked(disk, file)
  const name = randomUUID()
  return {
    name,
    /** That of the process before; '' if there was none, or if it is rotten: all copies are looked up then. */
    before: stored?.isRotten === false && typeof stored.value === 'string' ? stored.value : '',
    /** To be called before the first marker is stored: it removes that of the process before. */
    note(): void {
      try {
        writeChecked(disk, file, name)
      } catch (err) {
        log.error({ err }, 'cannot note on disk who stores markers, the next process will look up all copies')
      }
    },
  }
}
