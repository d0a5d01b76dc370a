import { statSync } from 'node:fs'
import type { Config } from '../config/settings.ts'
import { maxOpenFiles } from '../http/open-files.ts'
import { memoryInUse, memoryLimits } from '../lib/memory-limit.ts'
import { info, ok, sizeOf, warning, critical } from './finding.ts'
import type { Finding } from './finding.ts'

/** What the system gives this process. */
export interface MachineFacts {
  /** Such as `20.19.0`. */
  readonly nodeVersion: string
  /** Infinity if unknown. */
  readonly maxOpenFiles: number
  /** Undefined if unknown. */
  readonly openFiles: number | undefined
  readonly memoryBytes: number
  readonly heapLimitBytes: number
  readonly inUseBytes: number
  /** By how much a timer came late at worst, in ms. */
  readonly loopDelayMs: number
}

const LOOKS = 10
const LOOK_EVERY_MS = 20
/** Beside the sockets: 5,000 connections, and 1,000 files that are none. */
const OTHER_FILES = 6_000
/** Of the gateway without sockets, with room to spare. */
const MIN_MEMORY_BYTES = 256 * 2 ** 20
const NEARLY_FULL = 0.9
const SLOW_LOOP_MS = 100
const STUCK_LOOP_MS = 500

/** Takes a fifth of a second. */
export async function lookAtMachine(): Promise<MachineFacts> {
  const { totalBytes, heapBytes } = memoryLimits()
  return {
    nodeVersion: process.versions.node,
    maxOpenFiles: maxOpenFiles(),
    openFiles: countOpenFiles(),
    memoryBytes: totalBytes,
    heapLimitBytes: heapBytes,
    inUseBytes: memoryInUse(),
    loopDelayMs: await measureLoop(),
  }
}

/** Since Linux 6.2. Listing 15,000 of them takes a tenth of a second. */
function countOpenFiles(): number | undefined {
  try {
    return statSync('/proc/self/fd').size || undefined
  } catch {
    return undefined
  }
}

async function measureLoop(): Promise<number> {
  let worstMs = 0
  for (let i = 0; i < LOOKS; i++) {
    const startMs = performance.now()
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    worstMs = Math.max(worstMs, performance.now() - startMs - LOOK_EVERY_MS)
  }
  return worstMs
}

/** Judges whether that suffices for as many sockets, which receivers have none of; pure. */
export function judgeMachine(
  facts: MachineFacts,
  { MAX_SOCKETS, ROLE }: Pick<Config, 'MAX_SOCKETS' | 'ROLE'>,
): Finding[] {
  return [files(facts, ROLE === 'receiver' ? 0 : MAX_SOCKETS), memory(facts), loop(facts), node(facts)]
}

function files({ maxOpenFiles: max, openFiles = 0 }: MachineFacts, maxSockets: number): Finding {
  if (max === Infinity) return info('open-files', 'the system does not say how many files may be open')
  const fix = 'Raise the limit: LimitNOFILE of systemd, ulimits of containers, or ulimit -n'
  if (openFiles > max * NEARLY_FULL)
    return critical('open-files', `${openFiles} of ${max} open files are in use`, fix)
  const wanted = maxSockets + OTHER_FILES
  const needs = `${maxSockets === 0 ? 'a receiver' : `MAX_SOCKETS=${maxSockets}`} needs ${wanted}`
  if (max < wanted) return warning('open-files', `${max} files may be open, and ${needs}`, fix)
  return ok('open-files', `${openFiles} of ${max} are in use, and ${needs}`)
}

function memory({ memoryBytes, heapLimitBytes, inUseBytes }: MachineFacts): Finding {
  const found = `${sizeOf(inUseBytes)} of ${sizeOf(memoryBytes)} in use, of which the heap may take ${sizeOf(heapLimitBytes)}`
  if (memoryBytes < MIN_MEMORY_BYTES)
    return warning('memory', found, 'Give the container or machine at least 256 MiB')
  if (inUseBytes > memoryBytes * NEARLY_FULL)
    return critical(
      'memory',
      found,
      'Give it more memory, or start another process: the system is about to end this one',
    )
  if (heapLimitBytes > memoryBytes)
    return warning(
      'memory',
      `${found}: the system ends the process before its heap is full`,
      'Set NODE_OPTIONS=--max-old-space-size to three quarters of the memory, in MiB',
    )
  return ok('memory', found)
}

function loop({ loopDelayMs }: MachineFacts): Finding {
  const found = `a timer came ${Math.round(loopDelayMs)} ms late`
  if (loopDelayMs < SLOW_LOOP_MS) return ok('event-loop', found)
  const fix =
    'Give the process more CPU (a container with a low limit is stopped again and again), or start another one'
  return (loopDelayMs < STUCK_LOOP_MS ? info : warning)('event-loop', found, fix)
}

function node({ nodeVersion }: MachineFacts): Finding {
  const [major = 0] = nodeVersion.split('.').map(Number)
  const found = `Node.js ${nodeVersion}`
  if (major % 2 === 1) return info('node', found, 'Use a version with long-term support (an even number)')
  if (major <= 20)
    return info(
      'node',
      `${found}, which is past its end of life`,
      'Update it, unless Debian maintains it for you',
    )
  return ok('node', found)
}
