import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

const FLOCK_TIMEOUT_MS = 5_000

export interface FileLock {
  /** Why it may not be locked, in words. */
  readonly doubt: string | undefined
  close(): void
}

/**
 * Node has no call for `flock`, but the program of this name (util-linux, BusyBox) can make it on a file that it inherits: the lock
 * belongs to the open file, so it stays with this process when the program ends.
 */
export function lockFile(path: string): FileLock | 'held' {
  const fd = openSync(path, 'a', 0o600)
  const close = (): void => closeSync(fd)
  const { status, stderr, error } = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    timeout: FLOCK_TIMEOUT_MS,
    encoding: 'utf8',
  })
  if (error === undefined && status === 0) return { doubt: undefined, close }
  // It says nothing if another process holds the lock.
  if (error === undefined && status === 1 && stderr === '') {
    close()
    return 'held'
  }
  return { doubt: `cannot lock ${path} with flock: ${error?.message ?? stderr.trim()}`, close }
}
