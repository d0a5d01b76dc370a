import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import { recallBody, signedQuery } from '../support/webhook.ts'
import { nowUs } from './clock.ts'
import { FIRST_FILLER_SEQ } from './payload-seqs.ts'
import { Histogram } from './statistics.ts'
import { groupOf } from './subscriber-pool.ts'
import type { Schedule } from './subscriber-pool.ts'

export interface PostingPlan extends Schedule {
  readonly port: number
  readonly rooms: number
  /** Connections. Each one posts one webhook at a time. */
  readonly connections: number
  /** Additional messages in each recall, which make it larger. */
  readonly fillers?: number
}

export interface PostingReport {
  readonly refused: number
  readonly tookS: number
  /** From the time a post was due to its response. */
  readonly latencies: readonly number[]
}

/** With shorter intervals a post may be up to 1 ms late, because precise waiting would occupy a core. */
const MIN_PRECISE_INTERVAL_US = 10_000
const TIME_BASE_MS = 1_700_000_000_000
const FILLER_ID = 'x'.repeat(128)

/** Posts recalls when they are due. If `everyUs` is 0, each connection posts the next one after each response. */
export async function postRecalls(plan: PostingPlan): Promise<PostingReport> {
  const render = createRenderer(plan)
  const latencies = new Histogram()
  let refused = 0
  let next = 0

  async function work(): Promise<void> {
    const connection = await openConnection(plan.port)
    while (next < plan.recalls) {
      const index = next++
      const dueUs = plan.everyUs === 0 ? nowUs() : plan.startUs + index * plan.everyUs
      await sleepUntil(dueUs, plan.everyUs >= MIN_PRECISE_INTERVAL_US)
      const status = await connection.post(render(plan.first + index))
      if (status !== 200) refused++
      latencies.record(nowUs() - dueUs)
    }
    connection.close()
  }

  const startedUs = nowUs()
  await Promise.all(Array.from({ length: plan.connections }, work))
  return { refused, tookS: (nowUs() - startedUs) / 1e6, latencies: latencies.counts }
}

async function sleepUntil(dueUs: number, isPrecise: boolean): Promise<void> {
  for (let left = dueUs - nowUs(); left > 0; left = dueUs - nowUs()) {
    if (!isPrecise) await delay(Math.ceil(left / 1_000))
    else if (left > 2_000) await delay(Math.floor(left / 1_000) - 1)
    else await setImmediate()
  }
}

/** Returns a function that renders the request for a seq. It only inserts what differs, to be cheap. */
function createRenderer({ rooms, fillers = 0 }: PostingPlan): (seq: number) => string {
  const fillerMessages = Array.from({ length: fillers }, (_, i) => ({
    MsgSeq: FIRST_FILLER_SEQ + i,
    MsgId: FILLER_ID,
  }))
  const body = JSON.stringify(
    recallBody({ GroupId: 'GROUP', MsgSeqList: [{ MsgSeq: 'SEQ' }, ...fillerMessages], EventTime: 'TIME' }),
  )
  const [first = '', second = '', third = '', fourth = ''] = body.split(/GROUP|"SEQ"|"TIME"/)
  const query = new URLSearchParams(signedQuery()).toString()
  const head = `POST /webhook?${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`
  return (seq) => {
    // Each recall has a different time, otherwise the fillers would be duplicates.
    const text = `${first}${groupOf(seq % rooms)}${second}${seq}${third}${TIME_BASE_MS + seq}${fourth}`
    return `${head}Content-Length: ${text.length}\r\n\r\n${text}`
  }
}

interface HttpConnection {
  /** Resolves with the status, 0 if the connection is closed. */
  post(request: string): Promise<number>
  close(): void
}

/** A persistent HTTP connection, for one request at a time. */
async function openConnection(port: number): Promise<HttpConnection> {
  let settle: ((status: number) => void) | undefined
  let response = ''
  const finish = (status: number): void => {
    response = ''
    settle?.(status)
  }
  const tcp: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  tcp.setEncoding('latin1')
  tcp.on('data', (text: string) => {
    response += text
    if (isComplete(response)) finish(Number(response.slice(9, 12)))
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

function isComplete(response: string): boolean {
  const end = response.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /content-length: (\d+)/i.exec(response)?.[1]
  return length !== undefined && response.length >= end + 4 + Number(length)
}
