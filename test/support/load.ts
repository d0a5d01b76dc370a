import { postWebhook, recallBody } from './webhook.ts'

export interface Load {
  /** The seqs answered 200 so far, in order. */
  readonly kept: readonly number[]
  /** The seqs answered otherwise, or not at all. */
  readonly refused: readonly number[]
  /** Ends after the webhook under way. */
  stop(): Promise<void>
}

/** Recalls the messages 1, 2, 3 … of a group, one webhook after the other, as fast as they are answered. */
export function startLoad(url: string, group: string): Load {
  const kept: number[] = []
  const refused: number[] = []
  let stopped = false
  const running = (async () => {
    for (let seq = 1; !stopped; seq++) {
      const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
      const status = await postWebhook(url, { body })
        .then((answer) => answer.status)
        .catch(() => 0)
      if (status === 200) kept.push(seq)
      else refused.push(seq)
    }
  })()
  return {
    kept,
    refused,
    async stop() {
      stopped = true
      await running
    },
  }
}
