import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { mochaGlobalSetup } from './support/programs.ts'

// Runs all tests, in three processes at once. With `--node`, only those that depend on Node, in two. Its last line is
// `N passed, N failed`.

const MOCHA = fileURLToPath(new URL('../../test/node_modules/mocha/bin/mocha.js', import.meta.url))

/** They only compute, and measure no time: they take what the others, which mostly wait, leave of the processors. */
const COMPUTING = [
  'dist/test/model/model.test.js',
  'dist/test/simulation/defects.test.js',
  'dist/test/simulation/simulation.test.js',
]
/** They depend on Redis, on the browser or on the machine rather than on Node, measure time, or take longest. */
const FOLDERS_OF_MORE = /^dist\/test\/(chaos|browser|multi-node|model|simulation|versions)\//
const FILES_OF_MORE = /^dist\/test\/property\/(hostile-traffic|recall-client)/
const SUPPORT_OF_MORE = /\/support\/(redis-|brokers|browser)/
/** Of those, what runs beside the tests that depend on Node: then both take about as long. */
const BALANCE = /^dist\/test\/multi-node\//

/** Whether the tests of a file depend on nothing but Node: they start neither Redis nor a browser, and run beside others. */
function isOfNode(file: string): boolean {
  // The contract of the brokers is there for the Redis client.
  if (file.startsWith('dist/test/contract/')) return true
  return (
    !FOLDERS_OF_MORE.test(file) &&
    !FILES_OF_MORE.test(file) &&
    !SUPPORT_OF_MORE.test(readFileSync(file, 'utf8'))
  )
}

type Counts = readonly [passed: number, failed: number]

/** Returns what the last line of a run says. A run that ended before it could say that has failed. */
function countsOf(output: string, code: number | null): Counts {
  const [said, passed, failed] =
    /^(\d+) passed, (\d+) failed$/m.exec(output.trimEnd().split('\n').at(-1) ?? '') ?? []
  const counts: Counts = [Number(passed ?? 0), Number(failed ?? 0)]
  return (code !== 0 || said === undefined) && counts[1] === 0 ? [counts[0], 1] : counts
}

interface Lane {
  readonly args: readonly string[]
  /** What it prints is printed at the end. */
  readonly isInBackground: boolean
  /** Leaves the processors to the others. */
  readonly isNice?: boolean
  /** Which of two that start servers at the same time it is: their ports differ, see `freePort`. */
  readonly ports?: '0' | '1'
}

async function run({ args, isInBackground, isNice, ports }: Lane): Promise<Counts> {
  const color = process.stdout.isTTY ? ['--color'] : []
  const child = spawn(process.execPath, [MOCHA, ...color, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(ports !== undefined && { TEST_PORTS: ports }) },
  })
  if (isNice && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  // In a terminal, it gets one of its own.
  const interrupt = (): boolean => child.kill('SIGINT')
  process.on('SIGTERM', interrupt).on('SIGINT', () => undefined)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output += part
    if (!isInBackground) process.stdout.write(part)
  })
  const code = await new Promise<number | null>((resolve) => void child.on('close', resolve))
  process.off('SIGTERM', interrupt)
  if (isInBackground) atEnd.push(output)
  return countsOf(output, code)
}

const atEnd: string[] = []

// Not in both at the same time: it installs what is missing.
mochaGlobalSetup()
const all = readdirSync('dist/test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js') && !name.startsWith('node_modules/'))
  .map((name) => `dist/test/${name}`)
  .toSorted()
const ofNode = all.filter(isOfNode)
const second = [...ofNode, ...all.filter((file) => BALANCE.test(file))]
const first = all.filter((file) => !second.includes(file) && !COMPUTING.includes(file))
const lanes: readonly Lane[] = process.argv.includes('--node')
  ? [
      { args: ofNode.filter((_, i) => i % 2 === 0), isInBackground: false, ports: '0' },
      { args: ofNode.filter((_, i) => i % 2 === 1), isInBackground: true, ports: '1' },
    ]
  : [
      { args: first, isInBackground: false, ports: '0' },
      { args: second, isInBackground: true, ports: '1' },
      { args: COMPUTING, isInBackground: true, isNice: true },
    ]
const counts = await Promise.all(lanes.map(run))
for (const output of atEnd) process.stdout.write(output)
const [passed, failed] = [0, 1].map((i) => counts.reduce((sum, count) => sum + (count[i] ?? 0), 0))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
