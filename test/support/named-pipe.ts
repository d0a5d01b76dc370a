import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

const MAX_READ_BYTES = 1024 * 1024

/** Creates a pipe that nobody reads until `read` is called, which returns what is in it without waiting. */
export function namedPipe() {
  const folder = temporaryFolder()
  const path = join(folder.path, 'pipe')
  spawnSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const buffer = Buffer.alloc(MAX_READ_BYTES)
  return {
    fd,
    read(): string {
      try {
        return buffer.toString('utf8', 0, readSync(fd, buffer))
      } catch {
        return ''
      }
    },
    remove(): void {
      closeSync(fd)
      folder.remove()
    },
  }
}
