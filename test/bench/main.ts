import { parseArgs } from 'node:util'
import { ensurePrograms } from '../support/programs.ts'
import { FLOW_ROWS } from './delivery-rows.ts'
import { printGrowth } from './growth.ts'
import { describeMachine } from './machine.ts'
import { OTHER_ROWS } from './other-rows.ts'
import { PEERS } from './peers.ts'
import type { PeerName } from './peers.ts'
import type { BenchRow, Figures } from './row.ts'
import { compare, wrongOf } from './table.ts'

const ROWS: Readonly<Record<string, BenchRow>> = { ...FLOW_ROWS, ...OTHER_ROWS }

interface Options {
  /** Of each row, instead of its own number. */
  readonly reps: number | undefined
  readonly quick: boolean
  readonly peers: readonly PeerName[]
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** Measures the gateway beside a plain server, or as its work grows, and prints tables. */
async function main(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
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
  const rows = isGrowth ? [] : choose(values.rows)
  ensurePrograms(['redis'])
  const size = quick ? 'quick, and so rough' : 'full length'
  print(`${describeMachine()}; ${size}; the gateway with authentication, Redis and metrics\n`)
  if (isGrowth) return printGrowth(values.rows?.split(','), print)
  const peers = PEERS.filter((name) => values.peers?.split(',').includes(name) ?? true)
  for (const [name, row] of rows) await playRow(name, row, { reps, quick, peers })
}

function choose(names: string | undefined): [string, BenchRow][] {
  if (names === undefined) return Object.entries(ROWS)
  return names.split(',').map((name) => {
    const row = ROWS[name]
    if (row === undefined) refuse(`no row ${name}; there are: ${Object.keys(ROWS).join(', ')}`)
    return [name, row]
  })
}

function toReps(text: string): number {
  const reps = Number(text)
  return Number.isInteger(reps) && reps >= 1
    ? reps
    : refuse(`--reps must be a whole number from 1, not ${text}`)
}

function refuse(reason: string): never {
  console.error(reason)
  process.exit(2)
}

/** All servers in each repetition, by turns who is first: so what else the machine does meets them alike. */
async function playRow(name: string, row: BenchRow, { reps, quick, peers }: Options): Promise<void> {
  const times = reps ?? row.reps
  const played = new Map<PeerName, Figures[]>(peers.map((peer) => [peer, []]))
  for (let rep = 0; rep < times; rep++) {
    for (const peer of rep % 2 === 0 ? peers : peers.toReversed()) {
      process.stderr.write(`${name}, ${peer}, ${rep + 1} of ${times}\n`)
      const figures = await row.play(peer, quick)
      played.get(peer)?.push(figures)
      if (peer === 'gateway' && wrongOf([figures]) !== '0') process.exitCode = 1
    }
  }
  print(
    `### ${row.title}\n\n\`${name}\`, ${times === 1 ? 'once' : `median of ${times}`}\n\n${compare(played)}\n`,
  )
}

await main(process.argv.slice(2))
