import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import { recallBody, signedQuery } from '../support/webhook.ts'
import { groupOf } from './subscriber-pool.ts'
import type { Schedule } from './subscriber-pool.ts'
import { nowUs } from './clock.ts'
import { FILLERS_FROM } from './payload-seqs.ts'
import { Histogram } from './statistics.ts'

export interface PostingPlan extends Schedule {
  readonly port: number
  readonly rooms: number
  /** Connections, each of which posts one webhook at a time. */
  readonly connections: number
  /** Further messages in each recall, which make it larger. */
  readonly fillers?: number
}

export interface PostingReport {
  readonly refused: number
  readonly tookS: number
  /** From when a post was due to its answer. */
  readonly latencies: readonly number[]
}

/** Above so many a second, a post may be up to 1 ms late rather than keep a core busy with waiting. */
const PRECISE_FROM_US = 10_000
const TIME_BASE_MS = 1_700_000_000_000
const FILLER_ID = 'x'.repeat(128)

/** Posts recalls when they are due; without `everyUs`, each connection posts the next one as soon as it has an answer. */
export async function post(plan: PostingPlan): Promise<PostingReport> {
  const render = renderer(plan)
  const latencies = new Histogram()
  let refused = 0
  let next = 0

  async function work(): Promise<void> {
    const line = await openLine(plan.port)
    while (next < plan.recalls) {
      const index = next++
      const dueUs = plan.everyUs === 0 ? nowUs() : plan.startUs + index * plan.everyUs
      await sleepUntil(dueUs, plan.everyUs >= PRECISE_FROM_US)
      const status = await line.post(render(plan.first + index))
      if (status !== 200) refused++
      latencies.record(nowUs() - dueUs)
    }
    line.close()
  }

  const beganUs = nowUs()
  await Promise.all(Array.from({ length: plan.connections }, work))
  return { refused, tookS: (nowUs() - beganUs) / 1e6, latencies: latencies.counts }
}

async function sleepUntil(dueUs: number, isPrecise: boolean): Promise<void> {
  for (let left = dueUs - nowUs(); left > 0; left = dueUs - nowUs()) {
    if (!isPrecise) await delay(Math.ceil(left / 1_000))
    else if (left > 2_000) await delay(Math.floor(left / 1_000) - 1)
    else await setImmediate()
  }
}

/** Answers the whole request for a seq. All that differs between two is pasted in: a generator must cost little. */
function renderer({ rooms, fillers = 0 }: PostingPlan): (seq: number) => string {
  const more = Array.from({ length: fillers }, (_, i) => ({ MsgSeq: FILLERS_FROM + i, MsgId: FILLER_ID }))
  const body = JSON.stringify(
    recallBody({ GroupId: 'GROUP', MsgSeqList: [{ MsgSeq: 'SEQ' }, ...more], EventTime: 'TIME' }),
  )
  const [first = '', second = '', third = '', fourth = ''] = body.split(/GROUP|"SEQ"|"TIME"/)
  const query = new URLSearchParams(signedQuery()).toString()
  const head = `POST /webhook?${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`
  return (seq) => {
    // Another time for each recall, so that a filler is recalled anew.
    const text = `${first}${groupOf(seq % rooms)}${second}${seq}${third}${TIME_BASE_MS + seq}${fourth}`
    return `${head}Content-Length: ${text.length}\r\n\r\n${text}`
  }
}

interface Line {
  /** Answers the status. */
  post(request: string): Promise<number>
  close(): void
}

/** A connection of HTTP that is kept, for one request at a time. */
async function openLine(port: number): Promise<Line> {
  let settle: ((status: number) => void) | undefined
  let answer = ''
  const finish = (status: number): void => {
    answer = ''
    settle?.(status)
  }
  const tcp: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  tcp.setEncoding('latin1')
  tcp.on('data', (text: string) => {
    answer += text
    if (isWhole(answer)) finish(Number(answer.slice(9, 12)))
  })
  tcp.on('error', () => undefined)
  tcp.on('close', () => finish(0))
  await new Promise<void>((resolve, reject) => tcp.once('connect', resolve).once('error', reject))
  return {
    post: (request) =>
      new Promise((resolve) => {
        settle = resolve
        if (tcp.destroyed) resolve(0)
        else tcp.write(request)
      }),
    close: () => void tcp.destroy(),
  }
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /content-length: (\d+)/i.exec(answer)?.[1]
  return length !== undefined && answer.length >= end + 4 + Number(length)
}
