import { request } from 'node:http'
import { signedQuery } from '../../support/webhook.ts'
import type { History } from '../history.ts'
import { START_MS, world } from '../world/globals.ts'
import { SimProcess } from '../world/schedule.ts'

/** The provider waits this long for an answer, and never calls again. */
const PROVIDER_TIMEOUT_MS = 2_000

/** Plays the provider: calls the webhook once for each recall. */
export class Provider {
  readonly process = new SimProcess('provider')
  readonly #history: History
  readonly #receivers: string
  #count = 0

  /** `receivers`: the host of the balancer in front of the receivers. */
  constructor(history: History, receivers: string) {
    this.#history = history
    this.#receivers = receivers
  }

  recall(conversation: { readonly group: string; readonly topic?: string }, seqs: readonly number[]): void {
    const id = ++this.#count
    world.schedule.after(0, this.process, () => this.#call(id, conversation, seqs))
  }

  #call(id: number, { group, topic }: { group: string; topic?: string }, seqs: readonly number[]): void {
    const recalledAtMs = START_MS + Math.floor(world.schedule.nowMs)
    const about = { group, ...(topic !== undefined && { topic }) }
    this.#history.add({ kind: 'sent', id, ...about, seqs, recalledAtMs })
    const body = JSON.stringify({
      CallbackCommand: 'Group.CallbackAfterRecallMsg',
      Operator_Account: 'an-operator',
      Type: topic === undefined ? 'Public' : 'Community',
      GroupId: group,
      ...(topic !== undefined && { TopicId: topic }),
      MsgSeqList: seqs.map((seq) => ({ MsgSeq: seq })),
      EventTime: recalledAtMs,
    })
    let isOver = false
    const answered = (isOk: boolean, outcome: string): void => {
      if (isOver) return
      isOver = true
      this.#history.add({ kind: 'answered', id, isOk, outcome })
      call.destroy()
    }
    const call = request(
      {
        method: 'POST',
        path: `/webhook?${new URLSearchParams(signedQuery()).toString()}`,
        headers: { host: 'receivers', 'content-type': 'application/json', 'content-length': body.length },
        host: this.#receivers,
        port: 80,
        agent: false,
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.on('end', () =>
          answered(response.statusCode === 200 && isOkay(text), String(response.statusCode)),
        )
      },
    )
    call.on('error', (error) => answered(false, error.message))
    call.end(body)
    setTimeout(() => answered(false, 'the provider timed out'), PROVIDER_TIMEOUT_MS)
  }
}

function isOkay(text: string): boolean {
  try {
    const { ActionStatus, ErrorCode } = JSON.parse(text) as { ActionStatus?: unknown; ErrorCode?: unknown }
    return ActionStatus === 'OK' && ErrorCode === 0
  } catch {
    return false
  }
}
