import { request } from 'node:http'
import { signedQuery } from '../../support/webhook.ts'
import type { History } from '../history.ts'
import type { RecallStep } from '../spec.ts'
import { START_MS, world } from '../world/world.ts'
import { SimProcess } from '../world/schedule.ts'

/** The provider waits this long for an answer, and never calls again. */
const PROVIDER_TIMEOUT_MS = 2_000
const RECALL = 'Group.CallbackAfterRecallMsg'
const DISMISSED = 'Group.CallbackAfterGroupDestroyed'
const LEFT = 'Group.CallbackAfterMemberExit'

/** What became of a call. */
interface Answer {
  readonly isOk: boolean
  readonly outcome: string
}

/** Plays the provider: calls the webhook once for each event. */
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

  recall(step: RecallStep): void {
    for (let i = 0; i < (step.isTwice ? 2 : 1); i++) this.#inTurn((id) => this.#recall(id, step))
  }

  /** A group was dismissed now. */
  dismiss(group: string): void {
    this.#inTurn((id) => {
      const dismissedAtMs = START_MS + Math.floor(world.schedule.nowMs)
      const about = { id, group, dismissedAtMs }
      this.#history.add({ kind: 'dismissed', ...about })
      this.#call(DISMISSED, { GroupId: group, EventTime: dismissedAtMs }, ({ isOk }) =>
        this.#history.add({ kind: 'dismissal answered', ...about, isOk }),
      )
    })
  }

  /** A member has left a group. */
  quit(user: string, group: string): void {
    this.#inTurn(() => {
      const members = [{ Member_Account: user }]
      const sentAtMs = world.schedule.nowMs
      this.#call(LEFT, { GroupId: group, ExitMemberList: members }, ({ isOk }) =>
        this.#history.add({ kind: 'quit', sentAtMs, user, group, isOk }),
      )
    })
  }

  #inTurn(run: (id: number) => void): void {
    const id = ++this.#count
    world.schedule.after(0, this.process, () => run(id))
  }

  #recall(id: number, { group, topic, seqs, atMs, recalledAtMs = atMs }: RecallStep): void {
    const isUntimed = recalledAtMs === 'untimed'
    const agoMs = isUntimed ? 0 : atMs - recalledAtMs
    const eventMs = START_MS + Math.floor(world.schedule.nowMs) - agoMs
    const about = { group, ...(topic !== undefined && { topic }) }
    this.#history.add({
      kind: 'sent',
      id,
      ...about,
      seqs,
      recalledAtMs: eventMs,
      ...(isUntimed && { isUntimed }),
    })
    const fields = {
      Operator_Account: 'an-operator',
      Type: topic === undefined ? 'Public' : 'Community',
      GroupId: group,
      ...(topic !== undefined && { TopicId: topic }),
      MsgSeqList: seqs.map((seq) => ({ MsgSeq: seq })),
      ...(!isUntimed && { EventTime: eventMs }),
    }
    this.#call(RECALL, fields, (answer) => this.#history.add({ kind: 'answered', id, ...answer }))
  }

  #call(command: string, fields: Record<string, unknown>, onAnswer: (answer: Answer) => void): void {
    const body = JSON.stringify({ CallbackCommand: command, ...fields })
    let isOver = false
    const answered = (isOk: boolean, outcome: string): void => {
      if (isOver) return
      isOver = true
      onAnswer({ isOk, outcome })
      call.destroy()
    }
    const call = request(
      {
        method: 'POST',
        path: `/webhook?${new URLSearchParams(signedQuery(command)).toString()}`,
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
