import { expect } from 'chai'
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import { adminToken } from '../support/client.ts'
import { clientExample } from '../support/client-examples.ts'
import { startFakeGateway } from '../support/fake-gateway.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** Returns an example, or several in a row, as a function of its imports and of the names that it leaves to the reader. */
function example(
  words: string | readonly string[],
  gatewayUrl: string,
  names: readonly string[],
  result: string,
) {
  const lines = [words].flat().flatMap((some) => clientExample('js', some, gatewayUrl).split('\n'))
  const body = lines.filter((line) => !line.startsWith('import ')).join('\n')
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- the text of CLIENTS.md is what is tested
  return new Function(...names, `${body}\nreturn ${result}`) as (...values: readonly unknown[]) => unknown
}

const recall = async (url: string, group: string, seq: number): Promise<void> => {
  const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
  expect((await postWebhook(url, { body })).status).to.equal(200)
}

describe('the examples of CLIENTS.md', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Runs the example for a plain client, and records the states that it shows. */
  const runOnFakeGateway = async () => {
    const gateway = await startFakeGateway()
    onCleanUp(gateway.stop)
    const states: unknown[] = []
    const names = ['io', 'currentToken', 'reloadTheConversation', 'hide', 'showState', 'console']
    const run = example('import { io }', gateway.url, names, 'socket')
    const ignore = () => undefined
    const socket = run(io, ignore, ignore, ignore, (state: unknown) => states.push(state), {
      error: ignore,
    }) as Socket
    onCleanUp(() => socket.disconnect())
    return { gateway, socket, states }
  }

  for (const [how, ...words] of [
    ['', 'import { io }'],
    [', with its handshake', 'import { io }', 'subscribe: [{ '],
  ] as const)
    it(`for a plain socket.io-client: hides each recalled message once, across drops${how}`, async () => {
      const gateway = await startGatewayProcess()
      onCleanUp(gateway.stop)
      const proxy = await startTcpProxy(gateway.port)
      onCleanUp(proxy.stop)
      const token = await adminToken()
      const hidden: number[] = []
      const hide = (messages: readonly { seq: number }[]) => hidden.push(...messages.map(({ seq }) => seq))
      const names = ['io', 'currentToken', 'reloadTheConversation', 'hide', 'showState']
      const run = example(words, `http://127.0.0.1:${proxy.port}`, names, 'socket')
      let reloads = 0
      let state = ''
      const socket = run(
        io,
        () => token,
        () => reloads++,
        hide,
        (next: string) => (state = next),
      ) as Socket
      onCleanUp(() => socket.disconnect())
      // A busy machine may refuse the first subscription for now: what was recalled before is no miss.
      await waitUntil('it is live', () => state === 'live')
      for (const seq of upTo(40)) {
        await recall(gateway.url, 'lobby', seq)
        if (seq % 20 !== 10) continue
        // A connection that ends before its first packet is noticed by Socket.IO after 20 s.
        await waitUntil('it is connected again', () => socket.connected)
        proxy.cut()
      }
      // The last cut may have been one of those.
      await waitUntil('all are hidden', () => hidden.length >= 40, 60_000)
      expect(hidden).to.deep.equal(upTo(40))
      expect(reloads).to.equal(0)
    })

  it('for a plain socket.io-client: says live only while that is proved', async () => {
    const { gateway, socket, states } = await runOnFakeGateway()
    const becomes = (state: string) => waitUntil(`it is ${state}`, () => states.at(-1) === state)
    const room = { group: 'lobby' }
    const inDoubt = { proved: false, doubtMs: 2_000 } as const
    await becomes('live')
    gateway.io.emit('delivery', { ...inDoubt, reason: 'no proof' })
    await becomes('stale: no proof')
    gateway.io.emit('delivery', { ...inDoubt, reason: 'reading', rooms: [room] })
    gateway.io.emit('delivery', { proved: true })
    await becomes('stale: reading')
    gateway.io.emit('delivery', { proved: true, rooms: [room] })
    await becomes('live')
    gateway.io.emit('delivery', { ...inDoubt, reason: 'no proof' })
    await becomes('stale: no proof')
    gateway.cut()
    await becomes('live')
    expect(states.at(-2)).to.match(/^offline/)
    gateway.io.emit('unsubscribed', { room, code: 'ROOM_REFUSED', message: 'no grant', retry: false })
    gateway.io.emit('delivery', { proved: true })
    await becomes('refused: no grant')
    await socket.timeout(5_000).emitWithAck('unsubscribe', room)
    expect(states.at(-1)).to.equal('refused: no grant')
  })

  it('for a plain socket.io-client: subscribes once on each connection, whatever waited for one', async () => {
    const { gateway, socket, states } = await runOnFakeGateway()
    const becomes = (state: RegExp) => waitUntil(`it is ${state}`, () => state.test(String(states.at(-1))))
    await becomes(/^live/)
    const refusal = { room: { group: 'lobby' }, code: 'MEMBERSHIP_UNKNOWN', message: 'not now' } as const
    gateway.io.emit('unsubscribed', { ...refusal, retry: true })
    await becomes(/^refused/)
    // Longer than until the retry.
    socket.io.reconnectionDelay(2_500)
    socket.io.randomizationFactor(0)
    gateway.cut()
    await becomes(/^offline/)
    await becomes(/^live/)
    await socket.timeout(5_000).emitWithAck('unsubscribe', { group: 'lobby' })
    expect(gateway.requests).to.have.lengthOf(2)
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
    const names = ['io', 'currentToken', 'reloadTheConversation', 'hide', 'showState', 'console']
    const [reported, states] = [[] as unknown[], [] as unknown[]]
    const fakeConsole = { error: (code: unknown) => reported.push(code) }
    const run = example('import { io }', gateway.url, names, 'socket')
    const socket = run(
      io,
      () => token,
      () => 0,
      () => 0,
      (state: unknown) => states.push(state),
      fakeConsole,
    ) as Socket
    onCleanUp(() => socket.disconnect())
    await waitUntil('it is refused repeatedly', () => reported.length > 1, 25_000)
    expect(new Set(reported)).to.deep.equal(new Set(['TOO_MANY_FAILURES']))
    expect(states.at(-1)).to.equal('refused: TOO_MANY_FAILURES')
  })
})
