import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { freePort } from './free-port.ts'
import { programPath } from './programs.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { until } from './wait.ts'

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Sends a signal to the process, for tests that freeze or kill it. */
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

/** A real Redis server of its own, without persistence, on loopback. */
export async function startRedis(options: { readonly port?: number } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const folder = temporaryFolder()
  const flags = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder.path,
  ]
  const server = spawn(programPath('redis'), flags, { stdio: 'ignore' })
  const exited = once(server, 'exit')
  await until(`Redis listens on ${port}`, () => canConnect(port))
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    signal: (signal) => void server.kill(signal),
    async stop() {
      server.kill('SIGKILL')
      await exited
      folder.remove()
    },
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const answer = (open: boolean) => () => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
  })
}
