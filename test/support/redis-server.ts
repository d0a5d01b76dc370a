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
  readonly keepIn?: string
  /** Further flags of the command line. */
  readonly flags?: readonly string[]
}

/** A master sends replicas its data at once, instead of waiting for more replicas. */
export const SYNC_IMMEDIATELY = ['--repl-diskless-sync-delay', '0']

/** A real Redis server of its own, without persistence unless told where, on loopback. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const folder = temporaryFolder()
  if (options.keepIn !== undefined) mkdirSync(options.keepIn, { recursive: true })
  const flags = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    options.keepIn === undefined ? 'no' : 'yes',
    '--appendfsync',
    'always',
    '--dir',
    options.keepIn ?? folder.path,
    ...(options.flags ?? []),
  ]
  const server = spawn(programPath('redis'), flags, { stdio: 'ignore' })
  const exited = once(server, 'exit')
  await waitUntil(`Redis listens on ${port}`, () => canConnect(port))
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
    const answer = (open: boolean) => () => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
  })
}
