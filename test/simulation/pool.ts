import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Report, Request } from './worker.ts'

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

// Most of what a run makes is forgotten with its turn: with room for it, little is copied.
const OPTIONS = ['--enable-source-maps', '--stack-trace-limit=20', '--max-semi-space-size=64']

/**
 * Runs a request in a process of its own, where time, network and disk are simulated. Calls back with each report; resolves
 * once the process has ended well, and rejects with what it wrote to standard error otherwise.
 */
export const inWorker = (request: Request, onReport: (report: Report) => void): Promise<void> =>
  inProcess('./worker.js', request, onReport)

/** The same with another module, which reads the request from standard input and writes lines of JSON. */
export async function inProcess<Answer>(
  file: string,
  request: unknown,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  const args = [...OPTIONS, '--import', fileOf('./world/install.js'), fileOf(file)]
  const child = spawn(process.execPath, args, { stdio: 'pipe' })
  // Not as an argument: plans are long. If it cannot be written, the process has ended, and says why.
  child.stdin.on('error', () => undefined).end(JSON.stringify(request))
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-10_000)))
  createInterface({ input: child.stdout }).on('line', (line) => onAnswer(JSON.parse(line) as Answer))
  await new Promise<void>((resolve, reject) => {
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}: ${errors}`)),
    )
  })
}

interface SeedsOptions {
  readonly first: number
  /** Stops after so many, if given. */
  readonly count?: number
  readonly ms: number
  readonly workers: number
  readonly onReport: (report: Report) => void
}

/** Runs one seed after the other, in several processes, until the time is over. */
export async function runSeeds({
  first,
  count = Infinity,
  ms,
  workers,
  onReport,
}: SeedsOptions): Promise<void> {
  const untilMs = Date.now() + ms
  const share = count === Infinity ? Number.MAX_SAFE_INTEGER : Math.ceil(count / workers)
  await Promise.all(
    Array.from({ length: workers }, (_, i) =>
      inWorker({ kind: 'seeds', first: first + i, step: workers, count: share, untilMs }, onReport),
    ),
  )
}
