import { pino } from 'pino'
import { openRelayQueue } from '../../server/receiver/relay/queue.ts'
import type { Attempt, Forwarder, RelayedRequest } from '../../server/receiver/relay/relayed-request.ts'

let nextId = 1

/** A request of a lane, whose body names it. */
export function relayedRequest(lane: string, name: string, overrides: Partial<RelayedRequest> = {}) {
  const request: RelayedRequest = {
    id: `id-${nextId++}`,
    command: 'Group.CallbackAfterSendMsg',
    lane,
    method: 'POST',
    pathSuffix: '',
    query: 'SdkAppid=1400000000&CallbackCommand=Group.CallbackAfterSendMsg&Sign=abc&RequestTime=1',
    contentType: 'application/json',
    forwarded: { 'X-Forwarded-For': '192.0.2.1' },
    body: Buffer.from(JSON.stringify({ name })),
    receivedAtMs: Date.now(),
    ...overrides,
  }
  return request
}

export const nameOf = ({ body }: RelayedRequest): string =>
  (JSON.parse(body.toString()) as { name: string }).name

export const answered = (status = 200, text = '{"ActionStatus":"OK"}'): Attempt => ({
  kind: 'answered',
  status,
  contentType: 'application/json',
  body: Buffer.from(text),
})

export const failed = (status?: number, retryAfterMs?: number): Attempt => ({
  kind: 'failed',
  reason: status === undefined ? 'ECONNREFUSED' : `status ${status}`,
  ...(status !== undefined && { status }),
  ...(retryAfterMs !== undefined && { retryAfterMs }),
})

interface Tried {
  readonly lane: string
  readonly name: string
  readonly attempt: number
}

type Options = Partial<Parameters<typeof openRelayQueue>[0]> & { readonly dataDir: string }
type Answer = (
  request: RelayedRequest,
  attempt: number,
  signal: AbortSignal | undefined,
) => Attempt | Promise<Attempt>

/** Opens a queue in front of a backend that answers as told, and records what it is sent. */
export function openObservedQueue(options: Options, answer: Answer = () => answered()) {
  const tried: Tried[] = []
  const givenUp: { readonly name: string; readonly reason: string }[] = []
  const rotten: { readonly bytes: Buffer; readonly reason: string }[] = []
  const ended: string[] = []
  const logged: string[] = []
  const state = { underWay: 0, mostUnderWay: 0, answer, quarantine: async (): Promise<void> => undefined }
  const forwarder: Forwarder = {
    async forward(request, { attempt, signal }) {
      tried.push({ lane: request.lane, name: nameOf(request), attempt })
      state.mostUnderWay = Math.max(state.mostUnderWay, ++state.underWay)
      try {
        return await state.answer(request, attempt, signal)
      } finally {
        state.underWay--
      }
    },
  }
  const queue = openRelayQueue(
    { maxBytes: 2 ** 26, retryForMs: 3_600_000, ...options },
    {
      forwarder,
      quarantine: {
        async addRelay(request, reason) {
          await state.quarantine()
          givenUp.push({ name: nameOf(request), reason })
        },
        async addRotten(bytes, reason) {
          rotten.push({ bytes, reason })
        },
      },
      metrics: { queuedRequestTried: () => undefined, queuedRequestEnded: (how) => void ended.push(how) },
      log: pino({}, { write: (line) => void logged.push((JSON.parse(line) as { msg: string }).msg) }),
    },
  )
  return { queue, state, tried, givenUp, rotten, ended, logged }
}
