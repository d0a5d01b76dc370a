import { request as requestPlain } from 'node:http'
import { pino } from 'pino'
import { openRelayQueue } from '../../server/receiver/relay/queue.ts'
import type { Attempt, Forwarder } from '../../server/receiver/relay/relayed-request.ts'
import { relayedRequest } from './relay-queue.ts'

// The program of `startQueueProcess`: a queue of the relay in a process of its own, so that it can be killed.

export interface QueueProcessOptions {
  readonly dataDir: string
  readonly url: string
}

/** What its parent tells it: to queue a request. It sends the name back once that is on disk */
export interface QueueOrder {
  readonly lane: string
  readonly name: string
  /** Makes the body so much longer. */
  readonly fillingBytes?: number
}

/** What it sends, after garbage collection, when it is asked for `memory`; in bytes. */
export interface QueueMemory {
  readonly buffers: number
  readonly rss: number
}

export const ATTEMPT_HEADER = 'x-attempt'

const createForwarder = (url: string): Forwarder => ({
  forward: ({ query, body }, { attempt, timeoutMs }) =>
    new Promise<Attempt>((resolve) => {
      const request = requestPlain(`${url}?${query}`, {
        method: 'POST',
        headers: { [ATTEMPT_HEADER]: String(attempt) },
        timeout: timeoutMs,
      })
      request.once('error', ({ message }) => resolve({ kind: 'failed', reason: message }))
      request.once('response', (response) => {
        response.resume()
        const { statusCode: status = 0 } = response
        response.once('end', () =>
          resolve({ kind: 'answered', status, contentType: undefined, body: Buffer.alloc(0) }),
        )
        response.once('error', ({ message }) => resolve({ kind: 'failed', reason: message }))
      })
      request.end(body)
    }),
})

function run({ dataDir, url }: QueueProcessOptions): void {
  const queue = openRelayQueue(
    { dataDir, maxBytes: 2 ** 30, retryForMs: 3_600_000 },
    {
      forwarder: createForwarder(url),
      quarantine: { addRelay: async () => undefined, addRotten: async () => undefined },
      metrics: { queuedRequestTried: () => undefined, queuedRequestEnded: () => undefined },
      log: pino({ level: 'fatal' }),
    },
  )
  queue.start()
  process.on('message', (order: QueueOrder | 'memory') => {
    if (order === 'memory') return void process.send?.(readMemory())
    const { lane, name, fillingBytes = 0 } = order
    const body = Buffer.from(JSON.stringify({ name, filling: 'x'.repeat(fillingBytes) }))
    void queue.add(relayedRequest(lane, name, { body }), 'untried').then(() => process.send?.(name))
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}

function readMemory(): QueueMemory {
  globalThis.gc?.()
  const { arrayBuffers: buffers, rss } = process.memoryUsage()
  return { buffers, rss }
}

if (process.send !== undefined && process.argv[2] !== undefined)
  run(JSON.parse(process.argv[2]) as QueueProcessOptions)
