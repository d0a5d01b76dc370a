import { createHash } from 'node:crypto'
import { get } from 'node:http'
import { splitLines } from '../../../server/evidence/split-lines.ts'
import { verifyEvidence } from '../../../server/evidence/verify.ts'
import { FEED, isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { seqsOf } from '../../support/seqs.ts'
import type { History } from '../history.ts'
import type { EvidenceEntry, EvidenceTaken } from '../history/evidence.ts'
import type { Plan } from '../spec.ts'
import { SimProcess } from '../world/schedule.ts'
import { world } from '../world/world.ts'
import { signToken } from './tokens.ts'

/** A private key of Ed25519 that signs nothing else. */
export const EVIDENCE_KEY = Buffer.alloc(32, 7).toString('base64')

const TIMEOUT_MS = 5_000
/** After a fault, before everything has settled. */
const AFTER_FAULT_MS = 700
/** More than these would say the same, and take time. */
const MAX_TIMES = 6
const MAX_ROOMS = 5

/** When to take evidence while all goes on: after faults, and once in peace. */
export function evidenceTimes({ shape, steps, activeMs }: Plan): number[] {
  if (!shape.hasEvidenceKey) return []
  const ends = steps.flatMap((step) =>
    step.kind === 'fault' ? [step.atMs + step.durationMs + AFTER_FAULT_MS] : [],
  )
  return [activeMs / 2, ...ends.slice(0, MAX_TIMES)].filter((atMs) => atMs < activeMs)
}

/** Somebody who asks for files of evidence, and checks them as `recall-gateway verify` does. */
export class EvidenceTaker {
  readonly process = new SimProcess('evidence taker')
  readonly #history: History
  readonly #hasKey: boolean
  readonly #rooms: readonly Room[]
  #count = 0

  constructor({ shape, steps }: Plan, history: History) {
    this.#history = history
    this.#hasKey = shape.hasEvidenceKey
    this.#rooms = roomsIn(steps)
  }

  /** Takes a file about the next room, and writes it down. */
  async take(): Promise<void> {
    const room = this.#rooms[this.#count++ % this.#rooms.length]
    if (room !== undefined) await this.#takeOf(room)
  }

  /** Takes one about each room. */
  async takeLast(): Promise<void> {
    if (this.#hasKey) for (const room of this.#rooms) await this.#takeOf(room, { isLast: true })
  }

  async #takeOf(room: Room, more: { readonly isLast?: true } = {}): Promise<void> {
    const askedAtMs = world.schedule.nowMs
    const { status, text } = await new Promise<Answer>((resolve) => {
      world.schedule.after(0, this.process, () => void ask(room).then(resolve))
    })
    const file = status === 200 ? await read(text) : { verdict: '', isComplete: false, entries: [] }
    this.#history.add({ kind: 'evidence', room, askedAtMs, ...more, status, ...file })
  }
}

function roomsIn(steps: Plan['steps']): Room[] {
  const rooms = new Map<string, Room>([['', FEED]])
  for (const step of steps) {
    if (step.kind !== 'recall') continue
    const { group, topic } = step
    rooms.set(group, { group })
    if (topic !== undefined) rooms.set(`${group} ${topic}`, { group, topic })
  }
  return [...rooms.values()].slice(0, MAX_ROOMS)
}

interface Answer {
  /** Undefined if there was none in time. */
  readonly status: number | undefined
  readonly text: string
}

async function ask(room: Room): Promise<Answer> {
  const token = await signToken({ sub: 'auditor', isAdmin: true, lifeMs: 600_000 })
  const { group, topic } = room
  const query = new URLSearchParams({
    ...(isFeed(room) && { feed: 'true' }),
    ...(group !== undefined && { group }),
    ...(topic !== undefined && { topic }),
  }).toString()
  return new Promise((resolve) => {
    const options = { host: 'nodes', port: 80, path: `/v1/evidence?${query}`, agent: false }
    const headers = { host: 'nodes', authorization: `Bearer ${token}` }
    const call = get({ ...options, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('error', () => giveUp())
      response.on('end', () =>
        response.complete ? resolve({ status: response.statusCode, text }) : giveUp(),
      )
    })
    const giveUp = (): void => {
      call.destroy()
      resolve({ status: undefined, text: '' })
    }
    call.on('error', giveUp)
    setTimeout(giveUp, TIMEOUT_MS)
  })
}

async function read(
  text: string,
): Promise<Pick<EvidenceTaken, 'verdict' | 'isComplete' | 'epoch' | 'entries'>> {
  const verdict = await verifyEvidence(splitLines(chunksOf(text)))
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  const epoch = lines[0]?.logEnd?.epoch
  return {
    verdict: verdict.verdict === 'verified' ? 'verified' : verdict.problem,
    isComplete: lines.some(({ head }) => head?.complete === true),
    ...(epoch !== undefined && { epoch }),
    entries: lines.flatMap(toEntry),
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- what is checked is a stream
async function* chunksOf(text: string): AsyncGenerator<string> {
  yield text
}

interface Line extends Partial<Pick<EvidenceEntry, 'offset' | 'keptAtMs' | 'subset' | 'link' | 'epoch'>> {
  readonly logEnd?: { readonly epoch: string } | null
  readonly entry?: string
  readonly firstTold?: { readonly at: string } | null
  readonly recall?: { readonly messages: Parameters<typeof seqsOf>[0] }
  readonly head?: { readonly complete: boolean }
}

function toEntry({ offset, keptAtMs = null, subset = '', link = null, ...line }: Line): EvidenceEntry[] {
  const { entry = '', epoch, firstTold, recall } = line
  if (offset === undefined) return []
  const { group = '', topic, recalledAtMs = NaN } = parse(entry)
  return [
    {
      offset,
      keptAtMs,
      subset,
      digest: createHash('sha256').update(entry).digest('hex'),
      link,
      ...(epoch !== undefined && { epoch }),
      recall: {
        group,
        ...(topic !== undefined && { topic }),
        seqs: seqsOf(recall?.messages ?? []),
        recalledAtMs,
      },
      ...(firstTold && { toldAtMs: Date.parse(firstTold.at) }),
    },
  ]
}

function parse(entry: string): {
  readonly group?: string
  readonly topic?: string
  readonly recalledAtMs?: number
} {
  try {
    return JSON.parse(entry) as object
  } catch {
    return {}
  }
}
