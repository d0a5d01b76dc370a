import { postWebhook, recallBody } from '../support/webhook.ts'
import type { Recorder } from './recorder.ts'

/** Seqs from here on are filler: they only make a recall larger. */
export const FIRST_FILLER_SEQ = 1_000_000_000
const LONG_ID = 'x'.repeat(128)

interface SenderOptions {
  /** Receivers, used in turn. */
  readonly urls: readonly string[]
  /** Groups of the recalls, used in turn. */
  readonly groups: readonly string[]
  readonly recorder: Recorder
}

/** Stands in for the provider: posts recalls, each only once, and records the responses. */
export function createSender({ urls, groups, recorder }: SenderOptions) {
  let turn = 0

  /** Returns whether the recall was acknowledged. `fillers` additional messages make it larger. */
  async function send(group = groups[turn % groups.length] ?? '', fillers = 0): Promise<boolean> {
    const url = urls[turn++ % urls.length] ?? ''
    const recall = recorder.recordSent(group)
    const fillerMessages = Array.from({ length: fillers }, (_, i) => ({
      MsgSeq: FIRST_FILLER_SEQ + recall.seq * fillers + i,
      MsgId: LONG_ID,
    }))
    const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: recall.seq }, ...fillerMessages] })
    const status = await postWebhook(url, { body }).then(
      (response) => response.status,
      () => undefined,
    )
    recorder.recordResponse(recall, status)
    return status === 200
  }

  return {
    groups,
    send,

    /** Sends at a fixed rate, whatever the responses. `stop` resolves once every response has arrived. */
    start(perSecond: number): { stop(): Promise<void> } {
      const pending: Promise<boolean>[] = []
      const timer = setInterval(() => pending.push(send()), 1_000 / perSecond)
      return {
        async stop() {
          clearInterval(timer)
          await Promise.all(pending)
        },
      }
    },
  }
}

export type Sender = ReturnType<typeof createSender>
