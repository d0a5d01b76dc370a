import { expect } from 'chai'
import { ref } from 'vue'
import { createRecallClient } from '../../shared/client.ts'
import type { ClientEvents, NoticeListener, Position } from '../../shared/client.ts'
import { Emitter } from '../../shared/client/listeners.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { noticeAt, startFakeGateway } from '../support/fake-gateway.ts'
import { fixRandom } from '../support/random.ts'
import { waitUntil } from '../support/wait.ts'

const room = { group: 'g' }

describe('listeners of the client', () => {
  const onCleanUp = cleanUpAfterEach()
  // Without jitter, retries are immediate.
  fixRandom(0)

  it('may change what they receive: neither others see it, nor the next call for the same', async () => {
    const gateway = await startFakeGateway()
    onCleanUp(gateway.stop)
    const client = createRecallClient({ url: gateway.url, auth: { token: 'x' } })
    onCleanUp(() => client.close())
    const received: unknown[] = []
    const empty: NoticeListener = (notice) => {
      received.push(structuredClone(notice))
      ;(notice.messages as unknown[]).length = 0
      if (received.length === 1) throw new Error('once')
    }
    const spoil = (value: unknown): void => {
      for (const key of Object.keys(value as object)) Reflect.deleteProperty(value as object, key)
    }
    client.on('error', ({ notice }) => notice && spoil(notice))
    const positions: Position[] = []
    const gaps: ClientEvents['gap'][] = []
    client.on('gap', spoil)
    client.on('gap', (gap) => gaps.push(gap))
    client.subscribe(room, empty)
    const second = client.subscribe(room, (notice) => received.push(notice))
    client.subscribe({ group: 'loaded' }, () => undefined, {
      load(position) {
        positions.push({ ...position })
        spoil(position)
        if (positions.length === 1) throw new Error('once')
      },
    })
    await waitUntil('it is live', () => client.state.kind === 'live')
    gateway.publish(room)
    await waitUntil('all have received it', () => received.length === 3)
    expect(received).to.deep.equal([noticeAt(1), noticeAt(1), noticeAt(1)])
    expect(positions).to.deep.equal(Array(2).fill(gateway.position({ group: 'loaded' })))
    gateway.lose(room)
    await waitUntil('the gap is handled', () => second.position?.epoch === gateway.position(room).epoch)
    expect(gaps).to.deep.equal([{ room, reason: 'epoch-changed', position: gateway.position(room) }])
  })

  it('of a subscription that is left hear that it is closed, and nothing that it would be otherwise', async () => {
    const gateway = await startFakeGateway()
    onCleanUp(gateway.stop)
    const client = createRecallClient({ url: gateway.url, auth: { token: 'x' } })
    onCleanUp(() => client.close())
    const subscription = client.subscribe(room, () => undefined)
    await waitUntil('it is live', () => client.state.kind === 'live')
    const told: string[] = []
    subscription.on('state', ({ kind }) => told.push(kind))
    client.on('state', ({ kind }) => told.push(`client: ${kind}`))
    subscription.leave()
    expect(told).to.deep.equal(['closed'])
  })

  it('are why the client is not live: those that fail, and those that take long', async () => {
    const gateway = await startFakeGateway()
    onCleanUp(gateway.stop)
    const client = createRecallClient({ url: gateway.url, auth: { token: 'x' } })
    onCleanUp(() => client.close())
    const errors: ClientEvents['error'][] = []
    client.on('error', (error) => errors.push(error))
    const skip = (): void => errors.at(-1)?.skip?.()
    const told: (string | undefined)[] = []
    client.on('state', ({ reason }) => told.push(reason))
    const until = (reason: string) =>
      waitUntil(`it says ${reason}`, () => [client.state.reason, client.state.kind].includes(reason))
    const fail = (what: string) => () => {
      // Another text each time: the state does not change with each of them.
      throw new Error(`no ${what}${errors.length > 0 ? ' again' : ''}`)
    }
    const loads = client.subscribe(room, () => undefined, { load: fail('conversation') })
    await until('`load` failed: no conversation')
    await waitUntil('it has failed thrice', () => errors.length > 2)
    skip()
    await until('live')
    loads.leave()
    errors.length = 0
    const fails = client.subscribe(room, fail('list'))
    await until('live')
    gateway.publish(room)
    await until('a listener failed: no list')
    await waitUntil('it has failed thrice', () => errors.length > 2)
    skip()
    await until('live')
    fails.leave()
    const hangs = client.subscribe(room, () => new Promise(() => undefined))
    await until('live')
    gateway.publish(room)
    await until('a listener has not returned for over 1 s')
    hangs.leave()
    client.on('gap', () => new Promise(() => undefined))
    client.subscribe(room, () => undefined)
    await until('live')
    gateway.lose(room)
    await until('a gap is not dealt with yet')
    const usual = [undefined, '`load` has not returned yet', 'missed notices may still be on their way']
    expect(told.filter((reason) => !usual.includes(reason))).to.deep.equal([
      '`load` failed: no conversation',
      'a listener failed: no list',
      'a listener has not returned for over 1 s',
      'a gap is not dealt with yet',
    ])
  })

  it('are removed by their own registration alone, however often that is used', () => {
    const emitter = new Emitter<{ readonly told: number }>()
    const told: number[] = []
    const listener = (value: number) => told.push(value)
    const removeFirst = emitter.on('told', listener)
    const removeSecond = emitter.on('told', listener)
    emitter.emit('told', 1)
    removeFirst()
    removeFirst()
    emitter.emit('told', 2)
    removeSecond()
    emitter.emit('told', 3)
    const removeThird = emitter.on('told', listener)
    removeSecond()
    emitter.emit('told', 4)
    removeThird()
    emitter.emit('told', 5)
    expect(told).to.deep.equal([1, 2, 4])
  })

  it('are added to a client that Vue holds', () => {
    const client = createRecallClient({ url: 'http://127.0.0.1:9', auth: { token: 'x' } })
    try {
      const held = ref({ client })
      held.value.client.subscribe(room, () => undefined).leave()
      expect(ref(client).value).to.equal(client)
    } finally {
      client.close()
    }
  })
})
