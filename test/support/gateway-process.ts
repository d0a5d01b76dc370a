import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { recordSecrets } from './logged-secrets.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url))
export const APP = '1400000000'
export const WEBHOOK_TOKEN = 'test-webhook-token'
export const JWT_SECRET = 'test-jwt-secret-of-at-least-32-characters'

/** Generous, because several gateways start at the same time on busy machines. */
const START_TIMEOUT_MS = 30_000

export interface GatewayProcess {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Returns what it has written to standard output and standard error so far. */
  readonly output: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  /** Resolves with the exit code, or with the name of the signal that killed it. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** Kills the process if it is still running, and removes its data. */
  readonly stop: () => Promise<void>
}

type Settings = Readonly<Record<string, string>>

/** Settings that tests share. */
const SETTINGS: Settings = {
  SDK_APP_ID: APP,
  WEBHOOK_TOKEN,
  JWT_SECRET,
  HOST: '127.0.0.1',
  PORT: '0',
  DRAIN_MS: '200',
}

/** Arguments of a shell that runs a command with a limited file size, in blocks of 512 bytes, to simulate a full disk. */
const withSmallFiles = (blocks: string): string[] => [
  '-c',
  `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`,
  'sh',
]

/**
 * Runs the built command line with these arguments, and with no environment but these settings and PATH. The setting
 * `MAX_FILE_BLOCKS` is for this function only: it limits the size of each file, in blocks of 512 bytes. Standard error can go
 * to a file descriptor instead of the output. `main` may be the command line of another version.
 */
export function runGateway(
  args: readonly string[],
  settings: Settings,
  standardError: 'pipe' | number = 'pipe',
  main = MAIN,
) {
  const blocks = settings['MAX_FILE_BLOCKS']
  const command = [...(blocks === undefined ? [] : ['sh', ...withSmallFiles(blocks)]), process.execPath, main]
  const [program = '', ...rest] = [...command, ...args]
  const child = spawn(program, rest, {
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', standardError],
  })
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    recordSecrets(output, settings)
    return code ?? signal ?? -1
  })
  return { child, exited, output: () => output }
}

/** Starts a gateway with its own data directory. Resolves once it listens; rejects with its output if it exits. */
export async function startGatewayProcess(
  settings: Settings = {},
  args = ['start'],
  main = MAIN,
): Promise<GatewayProcess> {
  const folder = temporaryFolder()
  const all = { ...SETTINGS, DATA_DIR: folder.path, ...settings }
  const { child, exited, output } = runGateway(args, all, 'pipe', main)
  let hasExited = false
  void exited.then(() => (hasExited = true))
  const readPort = (): number => {
    if (hasExited) throw new Error(`the gateway exited: ${output()}`)
    return Number(/"port":(\d+).*"gateway started"/.exec(output())?.[1])
  }
  const port = await waitUntil('the gateway starts', readPort, START_TIMEOUT_MS).catch((error: unknown) => {
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
