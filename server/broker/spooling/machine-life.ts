import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { isRecord } from '../../../shared/json.ts'
import type { Disk } from '../../lib/disk.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { CUT_LENGTH } from '../epoch-names.ts'
import { POSITION_TTL_S } from '../retention.ts'

/** How soon a note is tried again that the disk did not take, in ms: the process waits for the disk. */
const RETRY_MS = 30_000

/** The last time that copies may have been lost with the power. */
interface Cut {
  readonly id: string
  /** In ms since 1970. */
  readonly atMs: number
}

/** What a process leaves for the next one. */
interface Left {
  /** See `Disk.bootId`; '' if what is on disk lacks something although the machine was not started again. */
  readonly boot?: string | undefined
  /** The server that held what was confirmed. */
  readonly server?: string | undefined
  readonly isComplete: boolean
  /** Kept, because a room may have no recall before the next process starts. */
  readonly cut?: Cut | undefined
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
  /** The name of a note that should have been replaced, but the disk was full: what it says of the end is not true any more. */
  const outdated = `${file}.outdated`
  const boot = disk.bootId(dirname(file))
  const before = readFrom(file) ?? withoutEnd(readFrom(outdated))
  let server = before?.server
  let cut = toCut(before?.cut)
  /** Until it is known whether the server is another one, the note of the process before stays. */
  let isUndecided = before !== undefined && !before.isComplete && before.boot !== boot
  let isWritten = isUndecided
  let hasFailed = false
  let retryAtMs = -Infinity
  if (!isWritten) writeOrRename({ boot, server, isComplete: false, cut })

  function readFrom(name: string): Left | undefined {
    if (disk.size(name) === undefined) return undefined
    try {
      const left: unknown = JSON.parse(disk.read(name).toString())
      if (isRecord(left)) return left as unknown as Left
    } catch {
      // Rotten: see below.
    }
    return { isComplete: false }
  }

  function write(left: Left): void {
    try {
      disk.replace(file, Buffer.from(JSON.stringify(left)))
      if (disk.size(outdated) !== undefined) disk.remove(outdated)
      isWritten = true
      hasFailed = false
    } catch (err) {
      isWritten = false
      retryAtMs = performance.now() + RETRY_MS
      if (!hasFailed) log.error({ err }, 'cannot note on disk that this process lives, retrying')
      hasFailed = true
    }
  }

  /** A full disk takes another name still. */
  function writeOrRename(left: Left): void {
    write(left)
    if (isWritten || disk.size(file) === undefined) return
    try {
      disk.rename(file, outdated)
    } catch (err) {
      log.error({ err }, 'cannot note on disk that this process lives: the note before it stays')
    }
  }

  return {
    /**
     * To be called with the server that holds what is confirmed now, again and again; undefined if it does not say who it is.
     * Returns an id of the last time that copies may have been lost with the power, of what the server may have lost as well; undefined
     * if there was none for as long as clients may return with positions from before it.
     */
    at(now: string | undefined): string | undefined {
      if (isUndecided && (now === undefined || now !== server))
        cut = { id: randomUUID().slice(0, CUT_LENGTH), atMs: Date.now() }
      if (isUndecided || now !== server) isWritten = false
      isUndecided = false
      server = now
      if (!isWritten && performance.now() >= retryAtMs) write({ boot, server, isComplete: false, cut })
      return cut && Date.now() - cut.atMs < POSITION_TTL_S * 1_000 ? cut.id : undefined
    },

    /** To be called at the end. `isFlushed`: everything is on disk. */
    end(isFlushed: boolean): void {
      if (!isUndecided) writeOrRename({ boot: isFlushed ? boot : '', server, isComplete: isFlushed, cut })
    },
  }
}

const withoutEnd = (left: Left | undefined): Left | undefined =>
  left && { ...left, boot: '', isComplete: false }

const toCut = (cut: unknown): Cut | undefined =>
  isRecord(cut) && typeof cut['id'] === 'string' && typeof cut['atMs'] === 'number'
    ? { id: cut['id'], atMs: cut['atMs'] }
    : undefined
