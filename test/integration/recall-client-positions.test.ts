import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import type { NoticeListener, Position, Subscription } from '../../shared/client.ts'
import { eventsOf, held, isLive, recorder, recordingStore } from '../support/recall-client.ts'
import { serveRecallRooms } from '../support/recall-room.ts'
import { waitUntil } from '../support/wait.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('a position of the client', () => {
  const setUp = serveRecallRooms()

  describe('does not move past a notice', () => {
    it('during which its listener leaves, within its own call', async () => {
      const { room, store, open } = await setUp(3)
      const client = open()
      const { seqs, listener, has } = recorder()
      const first = client.subscribe(room, (notice) => {
        first.leave()
        return listener(notice)
      })
      await has(1)
      await delay(5)
      expect({ seqs, offset: store.offset() }).to.deep.equal({ seqs: [1], offset: 0 })
      const next = recorder()
      client.subscribe(room, next.listener)
      await store.has(3)
      expect(next.seqs).to.deep.equal([1, 2, 3])
    })

    for (const how of ['leave', 'close'] as const)
      it(`that is finished after ${how}()`, async () => {
        const { room, store, open } = await setUp(3)
        const client = open()
        const slow = held()
        const subscription = client.subscribe(room, slow.listener)
        await slow.isCalled()
        if (how === 'leave') subscription.leave()
        else client.close()
        await delay(5)
        slow.finish()
        await immediate()
        expect([store.offset(), subscription.position?.offset]).to.deep.equal([0, 0])
        const next = recorder()
        ;(how === 'leave' ? client : open()).subscribe(room, next.listener)
        await store.has(3)
        expect({ next: next.seqs, slow: slow.seqs }).to.deep.equal({ next: [1, 2, 3], slow: [1] })
      })

    it('whose listener leaves first, and fails then', async () => {
      const { room, store, open } = await setUp(3)
      const client = open()
      let calls = 0
      const first: Subscription = client.subscribe(room, async () => {
        calls++
        first.leave()
        await immediate()
        throw new Error('not stored')
      })
      await waitUntil('it is called', () => calls > 0)
      await delay(5)
      const next = recorder()
      client.subscribe(room, next.listener)
      await store.has(3)
      expect({ calls, seqs: next.seqs }).to.deep.equal({ calls: 1, seqs: [1, 2, 3] })
    })

    it('during which its client is closed, in any of its listeners', async () => {
      const { room, store, open } = await setUp(3)
      const client = open()
      let isClosed = false
      client.subscribe(room, () => {
        client.close()
        isClosed = true
      })
      const other = recorder()
      client.subscribe(room, other.listener)
      await waitUntil('it is closed', () => isClosed)
      await delay(20)
      expect({ seqs: other.seqs.length <= 3, offset: store.offset() }).to.deep.equal({
        seqs: true,
        offset: 0,
      })
      const next = recorder()
      open().subscribe(room, next.listener)
      await store.has(3)
      expect(next.seqs).to.deep.equal([1, 2, 3])
    })
  })

  it('never moves back for a listener that is further behind, nor for another client on the storage', async () => {
    const { room, recall, store, open, first } = await setUp(2)
    const client = open()
    const { listener } = recorder()
    client.subscribe(room, listener)
    await store.has(2)
    const again = recorder()
    client.subscribe(room, again.listener, { since: first })
    await again.has(2)
    const late = open(recordingStore(first).open())
    late.close()
    const other = recorder()
    open().subscribe(room, other.listener, { since: first })
    await other.has(2)
    await recall(3)
    await store.has(3)
    await again.has(3)
    const offsets = store.stored.map((position) => (position as Position).offset)
    expect(offsets).to.deep.equal(offsets.toSorted((one, two) => one - two))
    expect([again.seqs, other.seqs.slice(0, 2)]).to.deep.equal([
      [1, 2, 3],
      [1, 2],
    ])
  })

  it('is that of the slower of two clients on one store, so that neither misses anything after a reload', async () => {
    const { room, store, open } = await setUp(4)
    const positions = store.open()
    const [fast, slow] = [recorder(), held()]
    open(positions).subscribe(room, fast.listener)
    const slowClient = open(positions)
    slowClient.subscribe(room, slow.listener)
    await slow.isCalled(1)
    slow.finish()
    await slow.isCalled(2)
    await fast.has(4)
    slowClient.close()
    const reloaded = recorder()
    open(positions).subscribe(room, reloaded.listener)
    await store.has(4)
    expect([slow.seqs, reloaded.seqs, fast.seqs]).to.deep.equal([[1, 2], [2, 3, 4], upTo(4)])
  })

  it('is one per listener: one that throws for ever, or never finishes, delays only itself', async () => {
    const { room, recall, store, open } = await setUp()
    const client = open()
    const errors = eventsOf(client, 'error')
    const states: string[] = []
    const { seqs, listener, has } = recorder()
    const good = client.subscribe(room, listener)
    const stuck = client.subscribe(room, () => new Promise(() => undefined))
    const bad = recorder()
    const throwing = client.subscribe(room, (notice) => {
      if (notice.offset < 3) throw new Error(`no ${notice.offset}`)
      return bad.listener(notice)
    })
    await isLive(client)
    good.on('state', ({ kind }) => states.push(kind))
    for (const seq of upTo(4)) await recall(seq)
    await has(4)
    await waitUntil('it is tried again', () => errors.length > 2)
    expect(seqs).to.deep.equal(upTo(4))
    expect([good, stuck, throwing].map(({ position }) => position?.offset)).to.deep.equal([4, 0, 0])
    expect([good.state.kind, throwing.state.kind, client.state.kind]).to.deep.equal([
      'live',
      'catching-up',
      'catching-up',
    ])
    const [error] = errors
    expect(error).to.deep.include({ source: 'listener', room, attempt: 1 })
    expect(String(error?.error)).to.equal('Error: no 1')
    expect(error?.notice?.messages).to.deep.equal([{ seq: 1 }])
    expect(errors.map(({ attempt }) => attempt).slice(0, 3)).to.deep.equal([1, 2, 3])
    expect(errors.every(({ retryInMs = -1 }) => retryInMs > 0)).to.equal(true)
    errors.at(-1)?.skip?.()
    await waitUntil('the next fails', () => errors.at(-1)?.notice?.offset === 2)
    errors.at(0)?.skip?.()
    errors.at(-1)?.skip?.()
    await bad.has(2)
    expect({ bad: bad.seqs, offset: throwing.position?.offset }).to.deep.equal({ bad: [3, 4], offset: 4 })
    expect(states).to.deep.equal([])
    expect(store.offset()).to.equal(0)
    stuck.leave()
    expect(store.offset()).to.equal(4)
    await isLive(client)
  })

  it('of a new listener is that of now, or where it says, while the room is followed already', async () => {
    const { room, recall, open, first } = await setUp(2)
    const client = open()
    const all = recorder()
    client.subscribe(room, all.listener)
    await all.has(2)
    const [fromNow, since] = [recorder(), recorder()]
    client.subscribe(room, fromNow.listener)
    client.subscribe(room, since.listener, { since: first })
    await since.has(2)
    await recall(3)
    await since.has(3)
    expect([all.seqs, fromNow.seqs, since.seqs]).to.deep.equal([[1, 2, 3], [3], [1, 2, 3]])
    const foreign = recorder()
    const gaps: string[] = []
    const lost = client.subscribe(room, foreign.listener, { since: { epoch: 'x', offset: 1 } })
    lost.on('gap', ({ reason }) => gaps.push(reason))
    const far = client.subscribe(room, () => undefined, { since: { ...first, offset: 900 } })
    far.on('gap', ({ reason }) => gaps.push(reason))
    await waitUntil('they are told', () => gaps.length === 2)
    await recall(4)
    await foreign.has(1)
    await all.has(4)
    expect([all.seqs, gaps]).to.deep.equal([upTo(4), ['epoch-changed', 'epoch-changed']])
  })

  it('is handed on by a listener that leaves in the middle, to those that came meanwhile', async () => {
    const { room, recall, store, open } = await setUp(3)
    const client = open()
    const slow = held()
    const first = client.subscribe(room, slow.listener)
    await slow.isCalled()
    const heir = recorder()
    const second = client.subscribe(room, heir.listener)
    await delay(5)
    first.leave()
    await store.has(3)
    expect(heir.seqs).to.deep.equal([1, 2, 3])
    // This one has nothing to inherit, as the next is called already: what is left unfinished waits for whoever comes.
    second.leave()
    const third = held()
    const stopped = client.subscribe(room, third.listener)
    await waitUntil('it is in the room', () => stopped.state.kind === 'live')
    await recall(4)
    await third.isCalled()
    const late = recorder()
    client.subscribe(room, late.listener)
    await recall(5)
    await late.has(1)
    stopped.leave()
    expect({ late: late.seqs, offset: store.offset() }).to.deep.equal({ late: [5], offset: 3 })
    const next = recorder()
    client.subscribe(room, next.listener)
    await store.has(5)
    expect({ late: late.seqs, next: next.seqs }).to.deep.equal({ late: [5], next: [4, 5] })
  })

  for (const manner of ['at once', 'after a while', 'before it leaves', 'and works on'])
    it(`is handed on if a listener subscribes anew while it handles a notice, ${manner}`, async () => {
      const { room, store, open } = await setUp(5)
      const client = open()
      const { seqs, listener: record } = recorder()
      let subscription = client.subscribe(room, listener)
      function again(notice: Parameters<NoticeListener>[0]): void {
        record(notice)
        const before = subscription
        if (manner !== 'before it leaves') before.leave()
        subscription = client.subscribe(room, listener)
        before.leave()
      }
      function listener(notice: Parameters<NoticeListener>[0]): unknown {
        if (manner === 'at once') return again(notice)
        if (manner === 'and works on') {
          again(notice)
          return delay(20)
        }
        return immediate().then(async () => {
          again(notice)
          // What an asynchronous function may still do in this turn.
          for (let i = 0; i < 5; i++) await Promise.resolve()
        })
      }
      await store.has(5)
      expect(seqs).to.deep.equal(upTo(5))
    })

  it('is unaffected by subscribing, leaving and subscribing while the first answer is under way', async () => {
    const { room, recall, store, open } = await setUp(3)
    const client = open()
    await isLive(client)
    const [one, two, three] = [recorder(), recorder(), recorder()]
    const first = client.subscribe(room, one.listener)
    await Promise.resolve()
    first.leave()
    const second = client.subscribe(room, two.listener)
    client.subscribe({ group: 'other' }, () => undefined).leave()
    second.leave()
    second.leave()
    client.subscribe(room, three.listener)
    await store.has(3)
    await recall(4)
    await three.has(4)
    expect([one.seqs, two.seqs, three.seqs]).to.deep.equal([[], [], upTo(4)])
  })

  it('does not depend on what the handlers of events do: leave, close, subscribe', async () => {
    const { room, store, open } = await setUp(3)
    for (const what of ['leave', 'subscribe', 'close'] as const) {
      const client = open()
      const { seqs, listener } = recorder()
      let isDone = false
      const act = (): void => {
        if (isDone) return
        isDone = true
        if (what === 'close') client.close()
        else subscription.leave()
        if (what === 'subscribe') client.subscribe(room, listener)
      }
      const subscription = client.subscribe(room, listener)
      client.on('recovered', act)
      await waitUntil('it is told', () => isDone)
      if (what === 'subscribe') await store.has(3)
      else await delay(20)
      expect(seqs, what).to.deep.equal(what === 'subscribe' ? [1, 2, 3] : [])
      client.close()
      store.stored.splice(1)
    }
  })

  it('belongs to no closed client', async () => {
    const { room, open } = await setUp()
    const client = open()
    client.close()
    expect(() => client.subscribe(room, () => undefined)).to.throw(Error, 'closed')
    expect(() => open().subscribe(room, undefined as never)).to.throw(
      TypeError,
      'is a function, not undefined',
    )
    expect(() => open().subscribe({ topic: 't' } as never, () => undefined)).to.throw(TypeError, '`group`')
    expect(() => open().subscribe(room, () => undefined, { since: { epoch: 'e', offset: -1 } })).to.throw(
      TypeError,
      'offset: -1',
    )
  })
})
