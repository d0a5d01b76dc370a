import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import { lockFile } from '../lib/file-lock.ts'
import type { FileLock } from '../lib/file-lock.ts'

/** Returns what a command has noted in a file; undefined if there is none. Throws CONFIG_INVALID if it cannot be read. */
export function readNoted(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new GatewayError('CONFIG_INVALID', `cannot read ${path}: ${reasonOf(cause)}`, { cause })
  }
}

/** Replaces the file as a whole, so that a command that is killed leaves the old one or the new one. Throws CONFIG_INVALID. */
export function writeNoted(path: string, note: unknown): void {
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify(note)}\n`, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new GatewayError('CONFIG_INVALID', `cannot write ${path}: ${reasonOf(cause)}`, { cause })
  }
}

/**
 * Locks a file of notes for as long as this process runs, or until it is closed. Throws CONFIG_INVALID while another process holds it: each
 * would write down where the other was when it began.
 */
export function lockNoted(path: string, option: string, remedy: string): Pick<FileLock, 'close'> {
  let lock
  try {
    // Not the file itself, which is replaced.
    lock = lockFile(`${path}.lock`)
  } catch (cause) {
    throw new GatewayError('CONFIG_INVALID', `cannot use ${option}: ${reasonOf(cause)}`, { cause })
  }
  if (lock !== 'held') return lock
  throw new GatewayError('CONFIG_INVALID', `another process uses ${path}: ${remedy}`)
}
