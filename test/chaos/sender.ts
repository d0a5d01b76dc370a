import { postWebhook, recallBody } from '../support/webhook.ts'
import type { Ledger } from './recorder.ts'

/** Seqs from here on only make a recall larger. */
export const FILLERS_FROM = 1_000_000_000
const LONG_ID = 'x'.repeat(128)

interface SenderOptions {
  /** Receivers, by turns. */
  readonly urls: readonly string[]
  /** Groups of the recalls, by turns. */
  readonly groups: readonly string[]
  readonly ledger: Ledger
}

/** Plays the provider: posts recalls, none of them twice, and writes down the answers. */
export function createSender({ urls, groups, ledger }: SenderOptions) {
  let turn = 0

  /** Answers whether the recall was kept. `fillers` further messages make it larger. */
  async function send(group = groups[turn % groups.length] ?? '', fillers = 0): Promise<boolean> {
    const url = urls[turn++ % urls.length] ?? ''
    const recall = ledger.send(group)
    const more = Array.from({ length: fillers }, (_, i) => ({
      MsgSeq: FILLERS_FROM + recall.seq * fillers + i,
      MsgId: LONG_ID,
    }))
    const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: recall.seq }, ...more] })
    const status = await postWebhook(url, { body }).then(
      (answer) => answer.status,
      () => undefined,
    )
    ledger.answer(recall, status)
    return status === 200
  }

  return {
    groups,
    send,

    /** Sends at this rate, whatever becomes of the recalls, until it is stopped; stopped it is once all are answered. */
    start(perSecond: number): { stop(): Promise<void> } {
      const underWay: Promise<boolean>[] = []
      const timer = setInterval(() => underWay.push(send()), 1_000 / perSecond)
      return {
        async stop() {
          clearInterval(timer)
          await Promise.all(underWay)
        },
      }
    },
  }
}

export type Sender = ReturnType<typeof createSender>
