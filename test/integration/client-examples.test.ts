import { expect } from 'chai'
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import { adminToken } from '../support/client.ts'
import { clientExample } from '../support/client-examples.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** Returns an example as a function of its imports and of the names that it leaves to the reader. */
function example(words: string, gatewayUrl: string, names: readonly string[], result: string) {
  const lines = clientExample('js', words, gatewayUrl).split('\n')
  const body = lines.filter((line) => !line.startsWith('import ')).join('\n')
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- the text of CLIENTS.md is what is tested
  return new Function(...names, `${body}\nreturn ${result}`) as (...values: readonly unknown[]) => unknown
}

const recall = async (url: string, group: string, seq: number): Promise<void> => {
  const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
  expect((await postWebhook(url, { body })).status).to.equal(200)
}

describe('the examples of CLIENTS.md', function () {
  this.timeout(40_000)
  const onCleanUp = cleanUpAfterEach()

  it('for a plain socket.io-client: hides each recalled message once, across drops', async () => {
    const gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
    const proxy = await startTcpProxy(gateway.port)
    onCleanUp(proxy.stop)
    const token = await adminToken()
    const hidden: number[] = []
    const hide = (messages: readonly { seq: number }[]) => hidden.push(...messages.map(({ seq }) => seq))
    const names = ['io', 'currentToken', 'reloadTheConversation', 'hide', 'showStale']
    const run = example('import { io }', `http://127.0.0.1:${proxy.port}`, names, 'socket')
    let reloads = 0
    const shown: (string | undefined)[] = []
    const socket = run(
      io,
      () => token,
      () => reloads++,
      hide,
      (reason?: string) => shown.push(reason),
    ) as Socket
    onCleanUp(() => socket.disconnect())
    await waitUntil('it is connected', () => socket.connected)
    // Acknowledged after the subscribe, which was sent first.
    await socket.timeout(5_000).emitWithAck('recalled', { group: 'g', seqs: [1] })
    for (const seq of upTo(60)) {
      await recall(gateway.url, '@TGS#2J4SZEAEL', seq)
      if (seq % 20 === 10) proxy.cut()
    }
    await waitUntil('all are hidden', () => hidden.length >= 60, 20_000)
    expect(hidden).to.deep.equal(upTo(60))
    expect(reloads).to.equal(0)
    expect(shown.filter((reason) => reason !== undefined)).to.have.length.of.at.least(1)
    const told = (...args: unknown[]): string | undefined => {
      for (const listener of socket.listeners('delivery')) listener(...args)
      return shown.at(-1)
    }
    await waitUntil('it is connected again', () => socket.connected && shown.at(-1) === undefined)
    expect(told({ proved: false, doubtMs: 1, reason: 'node' })).to.equal('node')
    expect(told({ proved: false, doubtMs: 1, reason: 'room', rooms: [{}] })).to.equal('node')
    expect(told({ proved: true })).to.equal('room')
    expect(told({ proved: true, rooms: [{}] })).to.equal(undefined)
  })

  it('for a plain socket.io-client: retries after a temporary refusal', async () => {
    const gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
    const refused = await Promise.all(
      upTo(31).map(
        () =>
          new Promise<string>((resolve) => {
            const socket = io(gateway.url, {
              transports: ['websocket'],
              forceNew: true,
              auth: { token: 'wrong' },
            })
            socket.once('connect_error', ({ data }: Error & { data?: { code: string } }) => {
              resolve(data?.code ?? '')
              socket.disconnect()
            })
          }),
      ),
    )
    expect(refused).to.include('TOKEN_REFUSED')
    const token = await adminToken()
    const names = ['io', 'currentToken', 'reloadTheConversation', 'hide', 'showStale', 'console']
    const reported: unknown[] = []
    const fakeConsole = { error: (code: unknown) => reported.push(code) }
    const run = example('import { io }', gateway.url, names, 'socket')
    const socket = run(
      io,
      () => token,
      () => 0,
      () => 0,
      () => 0,
      fakeConsole,
    ) as Socket
    onCleanUp(() => socket.disconnect())
    await waitUntil('it is refused repeatedly', () => reported.length > 1, 25_000)
    expect(new Set(reported)).to.deep.equal(new Set(['TOO_MANY_FAILURES']))
  })
})
