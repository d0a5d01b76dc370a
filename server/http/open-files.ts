import { readFileSync } from 'node:fs'
import type { Logger } from '../telemetry/logger.ts'

/** Files of the process that are not connections. */
const OTHER_FILES = 1_000

interface Bounded {
  readonly maxConnections: number
}

/**
 * Returns the options with no more connections than the system allows: each is an open file, and a process that may open no
 * more cannot even refuse one.
 */
export function boundByOpenFiles<Options extends Bounded>(options: Options, log: Logger): Options {
  const openFiles = maxOpenFiles()
  const maxConnections = Math.max(Math.ceil(openFiles / 2), openFiles - OTHER_FILES)
  if (options.maxConnections <= maxConnections) return options
  log.warn(
    { openFiles, maxConnections, wanted: options.maxConnections },
    'fewer connections than MAX_SOCKETS allows: raise the limit of open files of the process (ulimit -n)',
  )
  return { ...options, maxConnections }
}

/** Returns how many files and connections the system lets this process have open; Infinity if that is unknown. */
export function maxOpenFiles(): number {
  try {
    // Node raises the soft limit to the hard one when it starts.
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}
