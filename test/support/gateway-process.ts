import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { noteSecrets } from './logged-secrets.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { until } from './wait.ts'

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url))
export const APP = '1400000000'
export const WEBHOOK_TOKEN = 'test-webhook-token'
export const JWT_SECRET = 'test-jwt-secret-of-at-least-32-characters'

/** Several start at once, on machines that have other things to do: a second of work can take long. */
const START_TIMEOUT_MS = 30_000

export interface GatewayProcess {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** What it wrote to standard output and standard error so far. */
  readonly output: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  /** Resolves with the exit code, or with the name of the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** Kills it if it still runs, and removes its data. */
  readonly stop: () => Promise<void>
}

type Settings = Readonly<Record<string, string>>

/** Credentials that tests share; the rest of the environment is what any process needs. */
const SETTINGS: Settings = {
  SDK_APP_ID: APP,
  WEBHOOK_TOKEN,
  JWT_SECRET,
  HOST: '127.0.0.1',
  PORT: '0',
  DRAIN_MS: '200',
}

/** For a shell: runs what follows with no file larger than these many blocks of 512 bytes, which is as if the disk were full. */
const withSmallFiles = (blocks: string): string[] => [
  '-c',
  `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`,
  'sh',
]

/**
 * Runs the built command line with these arguments and settings alone. `MAX_FILE_BLOCKS` among the settings is for this
 * function: it bounds the size of each file, in blocks of 512 bytes.
 */
export function runGateway(parameters: readonly string[], settings: Settings) {
  const blocks = settings['MAX_FILE_BLOCKS']
  const command = [...(blocks === undefined ? [] : ['sh', ...withSmallFiles(blocks)]), process.execPath, MAIN]
  const [program = '', ...rest] = [...command, ...parameters]
  const child = spawn(program, rest, {
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    noteSecrets(output, settings)
    return code ?? signal ?? -1
  })
  return { child, exited, output: () => output }
}

/** A real gateway process with its own data folder, once it takes connections. Rejects with what it said when it ends. */
export async function startGatewayProcess(
  settings: Settings = {},
  parameters = ['start'],
): Promise<GatewayProcess> {
  const folder = temporaryFolder()
  const { child, exited, output } = runGateway(parameters, {
    ...SETTINGS,
    DATA_DIR: folder.path,
    ...settings,
  })
  let ended = false
  void exited.then(() => (ended = true))
  const look = (): number => {
    if (ended) throw new Error(`the gateway ended: ${output()}`)
    return Number(/"port":(\d+).*"gateway started"/.exec(output())?.[1])
  }
  const port = await until('the gateway starts', look, START_TIMEOUT_MS).catch((error: unknown) => {
    child.kill('SIGKILL')
    folder.remove()
    throw error
  })
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? 0,
    output,
    exited,
    signal: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGKILL')
      await exited
      folder.remove()
    },
  }
}
