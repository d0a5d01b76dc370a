import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { makeToken } from '../support/client.ts'
import { fairClock } from '../support/fair-clock.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { waitUntil } from '../support/wait.ts'
import { encodeFrame, openWebSocketPeer } from '../support/web-socket-peer.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const SOCKETS = 40
/** Of 1,000 seqs each, sent at once: five times what a socket may. */
const REQUESTS_PER_SOCKET = 250
const WORST_MS = 400
const GROUP = 'big'
const SEQS = Array.from({ length: 1_000 }, (_, i) => i + 1)

describe('requests without number', () => {
  const onCleanUp = cleanUpAfterEach()

  async function openSocket({ port }: GatewayProcess, token: string) {
    const peer = await openWebSocketPeer(port)
    onCleanUp(peer.destroy)
    peer.sendText(`40${JSON.stringify({ token })}`)
    await peer.text('the socket is accepted', (text) => text.startsWith('40'))
    return peer
  }

  async function post({ url, pid }: GatewayProcess, seq: number) {
    const fairMs = fairClock(pid)
    const startedAtMs = fairMs()
    const body = recallBody({ GroupId: 'quiet', MsgSeqList: [{ MsgSeq: seq }] })
    const status = await postWebhook(url, { body }).then(
      ({ body: { ActionStatus } }) => ActionStatus,
      (error: unknown) => String(error),
    )
    return { status, tookMs: fairMs() - startedAtMs }
  }

  it('of one member on many sockets let webhooks pass, and another member is served meanwhile', async () => {
    // The embedded broker looks everything up in this process.
    const gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
    const MsgSeqList = SEQS.map((MsgSeq) => ({ MsgSeq }))
    await postWebhook(gateway.url, { body: recallBody({ GroupId: GROUP, MsgSeqList }) })
    const rooms = [{ group: GROUP }]
    const token = await makeToken({ sub: 'greedy', rooms })
    const peers = await Promise.all(Array.from({ length: SOCKETS }, () => openSocket(gateway, token)))
    const other = await openSocket(gateway, await makeToken({ sub: 'other', rooms }))
    const request = encodeFrame({
      payload: `421["recalled",${JSON.stringify({ group: GROUP, seqs: SEQS })}]`,
    })
    for (const { send } of peers)
      send(Buffer.concat(Array.from({ length: REQUESTS_PER_SOCKET }, () => request)))
    const answers = (): string[] =>
      peers.flatMap(({ texts }) => texts()).filter((text) => text.startsWith('43'))
    await waitUntil('the first answer', () =>
      peers.some(({ received }) => received().includes('431[{"ok":true')),
    )

    const posted: ReturnType<typeof post>[] = []
    other.sendText('427["recalled",{"group":"big","seqs":[7]}]')
    for (let seq = 1; seq <= 60; seq++) {
      posted.push(post(gateway, seq))
      await delay(25)
    }
    const results = await Promise.all(posted)
    expect(results.map(({ status }) => status)).to.deep.equal(results.map(() => 'OK'))
    const worstMs = Math.max(...results.map(({ tookMs }) => tookMs))
    expect(worstMs).to.be.below(WORST_MS)
    await waitUntil('the other is served', () =>
      other.texts().some((text) => text.startsWith('437[{"ok":true')),
    )
    expect(answers().some((text) => text.includes('"TOO_MANY_REQUESTS"'))).to.equal(true)
    expect(answers().length).to.be.below(SOCKETS * REQUESTS_PER_SOCKET)
  })
})
