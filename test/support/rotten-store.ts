import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Broker } from '../../server/broker/broker.ts'
import { createEmbeddedBroker } from '../../server/broker/embedded/embedded-broker.ts'
import type { Damage } from '../../server/lib/journal/journal.ts'
import type { Position } from '../../shared/position.ts'
import type { Recall } from '../../shared/recall.ts'
import { seqOf } from './seqs.ts'

/**
 * Run as a process of its own, because lmdb would end it if it were given a damaged file:
 * `node rotten-store.js <folder> <stride>` flips a bit at each stride of the file of an embedded broker, and prints how the
 * broker took it. Exits with 1 at the first answer that is neither right nor a gap, nor reported as rotten.
 */
const [, , folder = '', stride = '97', from = '0'] = process.argv
const GROUPS = 12
const SEQS = 6
const PAGE_BYTES = 4_096
/** What may be on one page, and no other page has it: pages that were replaced still hold the rest. */
const MAX_LOST = 20
const recallOf = (group: number, seq: number): Recall => ({
  group: `g${group}`,
  messages: [{ seq, id: 'x'.repeat(seq === 3 ? 3_000 : 60) }],
  recalledAtMs: 1_000_000 + seq,
  receivedAtMs: Date.now(),
})

interface Opened {
  readonly broker: Broker
  readonly damages: Damage[]
  readonly lines: string[]
}

async function open(dataDir: string): Promise<Opened> {
  const damages: Damage[] = []
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const options = { historySize: 100, historyTtlS: 3_600, dataDir }
  const broker = createEmbeddedBroker(options, { log, onDamage: (damage) => damages.push(damage) })
  await broker.start()
  return { broker, damages, lines }
}

/** Returns what is wrong with the answers; undefined if nothing is. */
async function faultOf(
  { broker, damages, lines }: Opened,
  positions: readonly Position[],
): Promise<string | undefined> {
  /** How many messages are known as recalled, and how many of them notices still tell. */
  let told = 0
  let kept = 0
  const isSalvaged = (): boolean => lines.some((line) => line.includes('salvaged'))
  for (let group = 0; group < GROUPS; group++) {
    const known = await broker.recalled(
      { group: `g${group}` },
      Array.from({ length: SEQS }, (_, i) => i + 1),
    )
    told += known.length
    if (known.length < SEQS && !isSalvaged()) return `g${group}: only ${known.length} are recalled`
    const wrong = known.find((message) => message.atMs !== 1_000_000 + seqOf(message))
    if (wrong && damages.length === 0) return `g${group}: ${JSON.stringify(wrong)}`
    const since = positions[group] ?? { epoch: '', offset: 0 }
    const history = await broker.history({ group: `g${group}` }, since, 100)
    if (history.gap !== undefined) {
      if (damages.length === 0 && !isSalvaged()) return `g${group}: a gap for no reason, ${history.gap}`
      const { notices } = await broker.historyBefore({ group: `g${group}` }, Infinity, 100)
      kept += notices.length
      continue
    }
    const seqs = history.notices.map(({ messages }) => messages[0]?.seq)
    if (history.head.offset !== SEQS || seqs.length > SEQS - 1 || seqs.some((seq, i) => seq !== i + 2))
      return `g${group}: ${JSON.stringify(seqs)}, ${JSON.stringify(history.head)}`
    if (seqs.length < SEQS - 1 && damages.length === 0) return `g${group}: only ${seqs.length} notices`
  }
  const lost = Math.max(told, kept) > GROUPS * SEQS ? Infinity : GROUPS * SEQS - Math.min(told, kept)
  if (isSalvaged() && lost > MAX_LOST) return `of ${GROUPS * SEQS}, ${told} are recalled and ${kept} in a log`
  const again = await broker.publish(recallOf(0, 1), 5_000)
  // One that is not among what was lost stays a repeat.
  if (!again.duplicate && !(isSalvaged() && lost > 0)) return 'a repeat is told again'
  const fresh = await broker.publish(recallOf(0, 1_000), 5_000)
  return fresh.duplicate ? 'a new recall is taken for a repeat' : undefined
}

const sound = join(folder, 'sound')
const { broker } = await open(sound)
const positions: Position[] = []
for (let seq = 1; seq <= SEQS; seq++)
  for (let group = 0; group < GROUPS; group++) {
    const { positions: own } = await broker.publish(recallOf(group, seq), 5_000)
    const inGroup = own.find(({ room }) => 'group' in room)
    if (seq === 1 && inGroup) positions.push(inGroup.position)
  }
await broker.stop()
const content = readFileSync(join(sound, 'broker', 'data.mdb'))

const counts = { right: 0, reported: 0, salvaged: 0 }
const rotten = join(folder, 'rotten')
for (let at = Number(from), i = 0; at < content.length; at += Number(stride), i++) {
  rmSync(rotten, { recursive: true, force: true })
  mkdirSync(rotten)
  cpSync(sound, rotten, { recursive: true })
  const variant = Buffer.from(content)
  // Beside the strides, what is at the start of each page: it leads to all else.
  const place = i % 3 === 0 ? at - (at % PAGE_BYTES) + (i % 60) : at
  variant[place] = (variant[place] ?? 0) ^ (1 << (i % 8))
  writeFileSync(join(rotten, 'broker', 'data.mdb'), variant)
  writeFileSync(join(folder, 'last'), `byte ${place}, bit ${i % 8}`)
  const opened = await open(rotten)
  const fault = await faultOf(opened, positions)
  await opened.broker.stop()
  if (fault !== undefined) {
    console.log(`byte ${place}, bit ${i % 8}: ${fault} ${opened.lines.join('')}`)
    process.exit(1)
  }
  if (opened.lines.some((line) => line.includes('salvaged'))) counts.salvaged++
  else if (opened.damages.length > 0) counts.reported++
  else counts.right++
}
console.log(JSON.stringify(counts))
