import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { canConnect } from './redis-server.ts'
import { freePort } from './free-port.ts'
import { programPath } from './programs.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

/** Writes to the current append-only file, and its syncs, in a trace; a sync may be interrupted by lines of other threads. */
const WRITE = /write\(\d+<[^>]*incr\.aof>.*= (\d+)$/
const SYNCED = /fdatasync\(\d+<[^>]*incr\.aof>\)\s+= 0/
const SYNC_BEGINS = /^(\d+) .*fdatasync\(\d+<[^>]*incr\.aof> <unfinished/
const SYNC_ENDS = /^(\d+) .*fdatasync resumed>\)\s+= 0/

/**
 * Starts a Redis whose machine can lose its power: what it has not synced is gone then, as from the memory in which a system holds
 * what programs write. A killed process alone loses nothing.
 */
export async function startCuttableRedis(appendfsync: string) {
  const folder = temporaryFolder()
  const trace = join(folder.path, 'trace')
  const port = await freePort()
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder.path]
  const appending = ['--appendonly', 'yes', '--appendfsync', appendfsync]
  const command = [programPath('redis'), ...flags, ...appending]
  const tracing = ['-f', '-y', '-s', '0', '-e', 'trace=fdatasync,write', '-e', 'signal=none', '-o', trace]
  let server = spawn(programPath('strace'), [...tracing, ...command], { stdio: 'ignore' })
  let exited = once(server, 'exit')
  await waitUntil('Redis listens', () => canConnect(port))
  return {
    url: `redis://127.0.0.1:${port}`,
    /** Cuts the power, and starts the machine again with what its disk has. */
    async cutPower(): Promise<void> {
      process.kill(childOf(server.pid ?? 0), 'SIGKILL')
      await exited
      const files = join(folder.path, 'appendonlydir')
      const file = readdirSync(files).find((name) => name.endsWith('.incr.aof')) ?? ''
      truncateSync(join(files, file), syncedBytes(readFileSync(trace, 'utf8')))
      const [program = '', ...rest] = command
      server = spawn(program, rest, { stdio: 'ignore' })
      exited = once(server, 'exit')
      await waitUntil('Redis listens again', () => canConnect(port))
    },
    async stop(): Promise<void> {
      for (const pid of [childOf(server.pid ?? 0), server.pid]) if (pid) process.kill(pid, 'SIGKILL')
      await exited
      folder.remove()
    },
  }
}

/** Returns the pid of the first child of a process, or 0. */
function childOf(pid: number): number {
  const [child = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
  return Number(child)
}

/** Returns how much of the file was written before the last sync that succeeded began. */
function syncedBytes(trace: string): number {
  const begun = new Map<string, number>()
  let written = 0
  let synced = 0
  for (const line of trace.split('\n')) {
    written += Number(WRITE.exec(line)?.[1] ?? 0)
    if (SYNCED.test(line)) synced = written
    const [, beginning] = SYNC_BEGINS.exec(line) ?? []
    if (beginning !== undefined) begun.set(beginning, written)
    const [, ending] = SYNC_ENDS.exec(line) ?? []
    if (ending !== undefined) synced = Math.max(synced, begun.get(ending) ?? 0)
  }
  return synced
}
