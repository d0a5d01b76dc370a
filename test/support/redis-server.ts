import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { freePort } from './free-port.ts'
import { programPath } from './programs.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Sends a signal to the process, for tests that freeze or kill it. */
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

interface RedisOptions {
  readonly port?: number
  /** Each write is on disk in this folder before it is confirmed, and the folder outlives the server. */
  readonly dataDir?: string
  /** Further flags of the command line. */
  readonly flags?: readonly string[]
}

/** A master sends its data to a replica immediately, instead of waiting for more replicas. */
export const SYNC_IMMEDIATELY = ['--repl-diskless-sync-delay', '0']

/** Starts a real Redis server on loopback. It persists nothing unless `dataDir` is given. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const folder = temporaryFolder()
  if (options.dataDir !== undefined) mkdirSync(options.dataDir, { recursive: true })
  const flags = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    options.dataDir === undefined ? 'no' : 'yes',
    '--appendfsync',
    'always',
    '--dir',
    options.dataDir ?? folder.path,
    ...(options.flags ?? []),
  ]
  const server = spawn(programPath('redis'), flags, { stdio: 'ignore' })
  const exited = once(server, 'exit')
  await waitUntil(`Redis listens on ${port}`, () => {
    // Otherwise, whoever has the port would be taken for it.
    if (server.exitCode !== null) throw new Error(`Redis could not start on ${port}: is the port taken?`)
    return canConnect(port)
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: server.pid ?? 0,
    signal: (signal) => void server.kill(signal),
    async stop() {
      server.kill('SIGKILL')
      await exited
      folder.remove()
    },
  }
}

export function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const settle = (open: boolean) => () => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', settle(true)).once('error', settle(false))
  })
}
