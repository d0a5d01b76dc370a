import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

describe('a disk that takes no more', () => {
  const undo = undoAfterEach()

  it('makes recalls be answered 503 after the provider has given up, and ends nothing', async () => {
    const gateway = await startGatewayProcess({ FILE_BLOCKS_AT_MOST: '2048' })
    undo(gateway.stop)
    const client = await connect(gateway.url, await adminToken())
    undo(client.close)
    await client.subscribe({ group: 'g' })

    const kept: number[] = []
    let refusedAfterMs = 0
    for (let i = 0; refusedAfterMs === 0 && i < 1_000; i++) {
      const MsgSeqList = Array.from({ length: 200 }, (_, j) => ({
        MsgSeq: i * 200 + j + 1,
        MsgId: 'x'.repeat(100),
      }))
      const sentAtMs = Date.now()
      const { status } = await postWebhook(gateway.url, { body: recallBody({ GroupId: 'g', MsgSeqList }) })
      if (status === 200) kept.push(i * 200 + 1)
      else refusedAfterMs = Date.now() - sentAtMs
    }
    expect(refusedAfterMs).to.be.above(2_000)
    expect((await fetch(`${gateway.url}/livez`)).status).to.equal(200)
    expect(client.socket.connected).to.equal(true)
    await until('what was kept arrives', () => client.received.length >= kept.length)
    expect(client.seqs()).to.include.members(kept)
  })
})
