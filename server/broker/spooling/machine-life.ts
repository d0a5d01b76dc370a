import { dirname } from 'node:path'
import { isRecord } from '../../../shared/json.ts'
import type { Disk } from '../../lib/disk.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** What a process leaves for the next one. */
interface Left {
  /** See `Disk.bootId`; '' if what is on disk lacks something although the machine was not started again. */
  readonly boot?: string | undefined
  /** The server that held what was confirmed. */
  readonly server?: string | undefined
  readonly isComplete: boolean
}

interface MachineLifeOptions {
  readonly file: string
  readonly disk: Disk
}

/**
 * Notes on disk while a process lives, so that the next one knows whether the machine lost its power meanwhile: what was not
 * flushed may be missing then. Nothing is missing unless the server that had confirmed it is gone as well.
 */
export function openMachineLife({ file, disk }: MachineLifeOptions, { log }: { readonly log: Logger }) {
  const boot = disk.bootId(dirname(file))
  const before = read()
  let server = before?.server
  /** Until it is known whether the server is another one, the note of the process before stays. */
  let isUndecided = before !== undefined && !before.isComplete && before.boot !== boot
  let isWritten = isUndecided
  if (!isWritten) write({ boot, server, isComplete: false })

  function read(): Left | undefined {
    if (disk.size(file) === undefined) return undefined
    try {
      const left: unknown = JSON.parse(disk.read(file).toString())
      if (isRecord(left)) return left as unknown as Left
    } catch {
      // Rotten: see below.
    }
    return { isComplete: false }
  }

  function write(left: Left): void {
    try {
      disk.replace(file, Buffer.from(JSON.stringify(left)))
      isWritten = true
    } catch (err) {
      isWritten = false
      log.error({ err }, 'cannot note on disk that this process lives')
    }
  }

  return {
    /**
     * To be called with the server that holds what is confirmed now, again and again; undefined if it does not say who it is.
     * Returns whether copies of the process before may be missing, of what this server may have lost as well.
     */
    at(now: string | undefined): boolean {
      const mayLack = isUndecided && (now === undefined || now !== server)
      isUndecided = false
      if (!isWritten || now !== server) write({ boot, server: now, isComplete: false })
      server = now
      return mayLack
    },

    /** To be called at the end. `isFlushed`: everything is on disk. */
    end(isFlushed: boolean): void {
      if (!isUndecided) write({ boot: isFlushed ? boot : '', server, isComplete: isFlushed })
    },
  }
}
