import { parseArgs } from 'node:util'
import { ensurePrograms } from '../support/programs.ts'
import { DELIVERY_ROWS } from './delivery-rows.ts'
import { printGrowth } from './growth.ts'
import { describeMachine } from './machine.ts'
import { OTHER_ROWS } from './other-rows.ts'
import { PEERS } from './peers.ts'
import type { PeerName } from './peers.ts'
import type { BenchRow, Figures } from './row.ts'
import { printRelay } from './relay.ts'
import { printSyncs } from './syncs.ts'
import { compare, describeErrors, summarize } from './table.ts'

const ROWS: Readonly<Record<string, BenchRow>> = { ...DELIVERY_ROWS, ...OTHER_ROWS }

interface Options {
  /** Repetitions of each row, instead of its default. */
  readonly reps: number | undefined
  readonly quick: boolean
  readonly peers: readonly PeerName[]
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** Compares the gateway with a plain server, measures it as its work grows, what syncs cost or what the relay adds, and prints tables. */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      reps: { type: 'string' },
      peers: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  const { quick } = values
  const reps = values.reps === undefined ? (quick ? 1 : undefined) : toReps(values.reps)
  const isGrowth = positionals[0] === 'growth'
  const isSyncs = positionals[0] === 'syncs'
  const isRelay = positionals[0] === 'relay'
  const rows = isGrowth || isSyncs || isRelay ? [] : select(values.rows)
  ensurePrograms(['redis'])
  const precision = quick ? 'quick, hence imprecise' : 'full length'
  print(`${describeMachine()}; ${precision}; the gateway with authentication, Redis and metrics\n`)
  if (isSyncs) return printSyncs({ reps: reps ?? 3, seconds: quick ? 5 : 10 }, print)
  if (isRelay) return printRelay({ reps: reps ?? 5, share: quick ? 0.2 : 1 }, print)
  if (isGrowth) return printGrowth(values.rows?.split(','), print)
  const peers = PEERS.filter((name) => values.peers?.split(',').includes(name) ?? true)
  const measured = []
  for (const [name, row] of rows) {
    const figuresOf = await runRow(name, row, { reps, quick, peers })
    measured.push({ ...row, figuresOf })
  }
  print(`### Summary\n\n${summarize(measured, peers)}\n`)
}

function select(names: string | undefined): [string, BenchRow][] {
  if (names === undefined) return Object.entries(ROWS)
  return names.split(',').map((name) => {
    const row = ROWS[name]
    if (row === undefined) exitWithUsageError(`unknown row ${name}; known: ${Object.keys(ROWS).join(', ')}`)
    return [name, row]
  })
}

function toReps(text: string): number {
  const reps = Number(text)
  return Number.isInteger(reps) && reps >= 1
    ? reps
    : exitWithUsageError(`--reps must be a whole number of at least 1, not ${text}`)
}

function exitWithUsageError(reason: string): never {
  console.error(reason)
  process.exit(2)
}

/** Measures all servers in each repetition, in alternating order, so that other load affects them alike. */
async function runRow(
  name: string,
  row: BenchRow,
  { reps, quick, peers: wanted }: Options,
): Promise<ReadonlyMap<PeerName, readonly Figures[]>> {
  const peers = wanted.filter((peer) => row.peers?.includes(peer) ?? true)
  const times = reps ?? row.reps
  const figuresOf = new Map<PeerName, Figures[]>(peers.map((peer) => [peer, []]))
  for (let rep = 0; rep < times; rep++) {
    for (const peer of rep % 2 === 0 ? peers : peers.toReversed()) {
      process.stderr.write(`${name}, ${peer}, ${rep + 1} of ${times}\n`)
      const figures = await row.measure(peer, quick)
      figuresOf.get(peer)?.push(figures)
      if (peer === 'gateway' && describeErrors([figures]) !== '0') process.exitCode = 1
    }
  }
  print(
    `### ${row.title}\n\n\`${name}\`, ${times === 1 ? 'one run' : `median of ${times} runs`}\n\n${compare(figuresOf)}\n`,
  )
  return figuresOf
}

await main(process.argv.slice(2))
