import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import type { ClientEvents, NoticeListener, Position, RecallClient } from '../../shared/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startFakeGateway } from '../support/fake-gateway.ts'
import { waitUntil } from '../support/wait.ts'

const room = { group: 'g' }
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('what a listener has not finished', () => {
  const onCleanUp = cleanUpAfterEach()
  const { random } = Math
  before(() => {
    // Without jitter, retries are immediate.
    Math.random = () => 0
  })
  after(() => {
    Math.random = random
  })

  /** A log with five notices, and a store that is before the first. */
  const setUp = async () => {
    const gateway = await startFakeGateway()
    onCleanUp(gateway.stop)
    const stored: Position[] = [gateway.position(room)]
    for (let i = 0; i < 5; i++) gateway.publish(room)
    const offset = (): number => stored.at(-1)?.offset ?? -1
    const open = (): RecallClient => {
      const positions = {
        load: () => stored.at(-1),
        save: (_: string, position: Position) => void stored.push(position),
      }
      const client = createRecallClient({ url: gateway.url, auth: { token: 'x' }, positions })
      onCleanUp(() => client.close())
      return client
    }
    const events = <Name extends keyof ClientEvents>(client: RecallClient, name: Name) => {
      const emitted: ClientEvents[Name][] = []
      client.on(name, (value) => emitted.push(value))
      return emitted
    }
    const isStored = (expected: number) => waitUntil(`${expected} is stored`, () => offset() === expected)
    return { gateway, open, stored, offset, isStored, events }
  }
  /** A listener that receives one notice, and finishes it when `finish` is called. */
  const held = () => {
    const calls: number[] = []
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const listener: NoticeListener = async (notice) => {
      calls.push(notice.offset)
      await finished
    }
    return { calls, listener, finish }
  }
  const recorder = () => {
    const offsets: number[] = []
    return { offsets, listener: (({ offset }) => void offsets.push(offset)) as NoticeListener }
  }

  it('is delivered again after it left', async () => {
    const { open, offset, isStored } = await setUp()
    const client = open()
    const { calls, listener } = held()
    const first = client.subscribe(room, listener)
    await waitUntil('it is called', () => calls.length > 0)
    first.leave()
    const { offsets, listener: next } = recorder()
    client.subscribe(room, next)
    expect(offset()).to.equal(0)
    await isStored(5)
    expect(offsets).to.deep.equal(upTo(5))
    expect(calls).to.deep.equal([1])
  })

  it('is delivered in the next session, to each of them', async () => {
    const { open, isStored, offset, events } = await setUp()
    const client = open()
    const errors = events(client, 'error')
    const seen = recorder()
    client.subscribe(room, seen.listener)
    client.subscribe(room, () => {
      throw new Error('not stored')
    })
    await waitUntil('it threw', () => errors.length > 0)
    client.close()
    // Later than the moment that a listener has which leaves as the last thing it does.
    await delay(5)
    const [one, two] = [recorder(), recorder()]
    const next = open()
    expect(offset()).to.equal(0)
    next.subscribe(room, one.listener)
    next.subscribe(room, two.listener)
    await isStored(5)
    expect(seen.offsets).to.deep.equal([1])
    expect([one.offsets, two.offsets]).to.deep.equal([upTo(5), upTo(5)])
  })

  it('goes to a listener that came meanwhile', async () => {
    const { open, isStored } = await setUp()
    const client = open()
    const { calls, listener } = held()
    const first = client.subscribe(room, listener)
    await waitUntil('it is called', () => calls.length > 0)
    const { offsets, listener: second } = recorder()
    client.subscribe(room, second)
    first.leave()
    await isStored(5)
    expect(offsets).to.deep.equal(upTo(5))
  })

  it('does not hold up the other listeners after it left', async () => {
    const { open, isStored } = await setUp()
    const client = open()
    const { offsets, listener } = recorder()
    client.subscribe(room, listener)
    const hanging = client.subscribe(room, () => new Promise(() => undefined))
    await waitUntil('the first is delivered', () => offsets.length > 0)
    expect(offsets).to.deep.equal([1])
    hanging.leave()
    await isStored(5)
    expect(offsets).to.deep.equal(upTo(5))
  })

  it('counts once it is finished, even if it has left by then', async () => {
    const { open, isStored } = await setUp()
    const client = open()
    const { calls, listener, finish } = held()
    const first = client.subscribe(room, listener)
    await waitUntil('it is called', () => calls.length > 0)
    first.leave()
    // As above.
    await delay(5)
    finish()
    await isStored(1)
    const { offsets, listener: next } = recorder()
    client.subscribe(room, next)
    await isStored(5)
    expect(offsets).to.deep.equal([2, 3, 4, 5])
  })

  for (const how of ['left', 'was closed'])
    it(`does not move the position back when it is finished late, after it ${how}`, async () => {
      const { open, isStored, stored } = await setUp()
      const client = open()
      const { calls, listener, finish } = held()
      const first = client.subscribe(room, listener)
      await waitUntil('it is called', () => calls.length > 0)
      if (how === 'left') first.leave()
      else client.close()
      const next = how === 'left' ? client : open()
      next.subscribe(room, recorder().listener)
      await isStored(5)
      finish()
      await new Promise((resolve) => setImmediate(resolve))
      expect(stored.map(({ offset }) => offset)).to.deep.equal([0, 1, 2, 3, 4, 5])
    })

  it('is nothing if it leaves while it handles a notice of a replay: the rest is kept', async () => {
    const { open, isStored, offset } = await setUp()
    const client = open()
    const offsets: number[] = []
    const first = client.subscribe(room, (notice) => {
      offsets.push(notice.offset)
      first.leave()
    })
    await isStored(1)
    client.subscribe(room, (notice) => {
      offsets.push(notice.offset)
      if (notice.offset === 3) client.close()
    })
    await isStored(3)
    open().subscribe(room, (notice) => void offsets.push(notice.offset))
    await isStored(5)
    expect(offsets).to.deep.equal(upTo(5))
    expect(offset()).to.equal(5)
  })

  for (const manner of ['at once', 'after a while', 'before it leaves'])
    it(`is not told twice if it subscribes again while it handles a notice, ${manner}`, async () => {
      const { open, isStored } = await setUp()
      const client = open()
      const offsets: number[] = []
      let subscription = client.subscribe(room, listener)
      function again(offset: number): void {
        offsets.push(offset)
        const before = subscription
        if (manner !== 'before it leaves') before.leave()
        subscription = client.subscribe(room, listener)
        before.leave()
      }
      function listener({ offset }: { readonly offset: number }): unknown {
        if (manner === 'at once') return again(offset)
        return new Promise((resolve) => setImmediate(resolve)).then(async () => {
          again(offset)
          // What an asynchronous function may still do in this turn.
          for (let i = 0; i < 5; i++) await Promise.resolve()
        })
      }
      await isStored(5)
      expect(offsets).to.deep.equal(upTo(5))
    })

  it('is received by another that says where to begin, though the one before finishes it late', async () => {
    const { open, isStored, stored } = await setUp()
    const client = open()
    const { calls, listener, finish } = held()
    const first = client.subscribe(room, listener)
    await waitUntil('it is called', () => calls.length > 0)
    first.leave()
    const { offsets, listener: next } = recorder()
    const [since] = stored
    client.subscribe(room, next, since && { since })
    finish()
    await isStored(5)
    expect(offsets).to.deep.equal(upTo(5))
  })

  it('is not passed by a gap before the gap is told', async () => {
    const { gateway, open, isStored, offset } = await setUp()
    gateway.trim(room)
    const client = open()
    const told: number[] = []
    client.on('gap', () => told.push(offset()))
    client.subscribe(room, recorder().listener)
    await isStored(5)
    gateway.lose(room)
    await waitUntil('both are told', () => told.length === 2)
    expect(told).to.deep.equal([0, 5])
  })
})
