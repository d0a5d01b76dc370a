import { expect } from 'chai'
import { Connection } from '../../shared/client/connection.ts'
import { endOf } from '../../shared/client/credential.ts'
import { FollowedRoom } from '../../shared/client/followed-room.ts'
import { RoomListener } from '../../shared/client/listeners.ts'
import { storedPositions } from '../../shared/client/position-store.ts'
import type { Position } from '../../shared/position.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

const notice = (offset: number) => ({ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 1 })
const at = (offset: number, epoch = 'e'): Position => ({ epoch, offset })
const room = { group: 'g' }
const batch = (offsets: readonly number[], epoch = 'e') => ({ room, epoch, notices: offsets.map(notice) })

describe('a room that a client follows', () => {
  const follow = (since?: Position) => {
    const handled: number[] = []
    const given: number[] = []
    const followed = new FollowedRoom(room, since, {
      onHandled: ({ offset }) => handled.push(offset),
      onIdle: () => undefined,
    })
    const listener = ({ offset }: { offset: number }): void => void given.push(offset)
    followed.listening.add(new RoomListener(listener, () => undefined))
    return { followed, handled, given }
  }

  it('gives each notice once, whatever overlaps', async () => {
    const { followed, given } = follow(at(2))
    followed.enter({ ok: true, room, position: at(4), recovered: 2 })
    expect(followed.take(batch([1, 2, 3]))).to.equal('taken')
    expect(followed.hasArrived).to.equal(false)
    expect(followed.take(batch([3, 4, 5]))).to.equal('taken')
    await until('all are given', () => followed.isLive)
    expect(given).to.deep.equal([3, 4, 5])
    expect(followed.ask).to.deep.equal({ group: 'g', since: at(5) })
  })

  it('must be asked for again at a hole, or under another epoch', () => {
    const { followed } = follow(at(2))
    followed.enter({ ok: true, room, position: at(2), recovered: 0 })
    expect(followed.take(batch([4]))).to.equal('hole')
    expect(followed.take(batch([1], 'other'))).to.equal('hole')
    expect(followed.ask).to.deep.equal({ group: 'g', since: at(2) })
  })

  it('takes nothing while it is left', () => {
    const { followed, given } = follow(at(2))
    followed.enter({ ok: true, room, position: at(2), recovered: 0 })
    followed.leave()
    followed.take(batch([3]))
    expect(given).to.be.empty
    expect(followed.ask.since).to.deep.equal(at(2))
  })

  it('goes on behind a gap', async () => {
    const { followed, given, handled } = follow(at(2))
    followed.enter({ ok: true, room, position: at(9, 'new'), recovered: 0, gap: 'epoch-changed' })
    followed.take(batch([10], 'new'))
    followed.jump(at(20, 'new'))
    followed.take(batch([21], 'new'))
    await until('all are given', () => followed.isLive)
    expect(given).to.deep.equal([10, 21])
    expect(handled).to.deep.equal([9, 10, 20, 21])
  })

  it('moves its position on only when the listener has returned', async () => {
    const { followed, handled } = follow(at(0))
    let finish = (): void => undefined
    const slow = new RoomListener(
      () => new Promise<void>((resolve) => (finish = resolve)),
      () => undefined,
    )
    followed.listening.add(slow)
    followed.enter({ ok: true, room, position: at(0), recovered: 0 })
    followed.take(batch([1, 2]))
    expect(followed.position).to.deep.equal(at(0))
    expect(followed.isLive).to.equal(false)
    finish()
    await until('the first is handled', () => handled.length === 1)
    expect(followed.position).to.deep.equal(at(1))
    slow.leave()
    finish()
    await until('the second is handled', () => handled.length === 2)
  })
})

describe('a listener that throws', () => {
  it('gets the notice again, and others get it once', async () => {
    const errors: unknown[] = []
    let tries = 0
    const failing = new RoomListener(
      () => {
        if (++tries < 2) throw new Error('not now')
      },
      (error) => errors.push(error),
    )
    await failing.deliver(notice(1))
    expect(tries).to.equal(2)
    expect(errors).to.have.length(1)
  })

  it('is not waited for when it leaves', async () => {
    const failing = new RoomListener(
      () => {
        throw new Error('never')
      },
      () => failing.leave(),
    )
    await failing.deliver(notice(1))
  })
})

describe('a credential that does not come', () => {
  const undo = undoAfterEach()

  it('is said, and asked for again', async () => {
    const errors: string[] = []
    let asked = 0
    const connection = new Connection({
      url: 'http://127.0.0.1:9',
      credential() {
        asked++
        return new Promise(() => undefined)
      },
      credentialWithinMs: 10,
      onConnect: () => undefined,
      onDisconnect: () => undefined,
      onGoodbye: () => undefined,
      onError: (error) => errors.push(String(error)),
      onChange: () => undefined,
    })
    undo(() => connection.close())
    connection.open()
    await until('it is asked for again', () => asked > 1)
    expect(errors[0]).to.equal('Error: no credential came in 0.01 s')
  })

  it('is nothing to speak of once the connection is closed', async () => {
    let said = false
    let asked = false
    const connection = new Connection({
      url: 'http://127.0.0.1:9',
      async credential() {
        asked = true
        throw new Error('too late')
      },
      onConnect: () => undefined,
      onDisconnect: () => undefined,
      onGoodbye: () => undefined,
      onError: () => (said = true),
      onChange: () => undefined,
    })
    connection.open()
    connection.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect({ asked, said }).to.deep.equal({ asked: true, said: false })
  })
})

describe('the end of a credential', () => {
  it('is read from a JWT, and unknown of anything else', () => {
    const token = (payload: string): string => `x.${Buffer.from(payload).toString('base64url')}.y`
    expect(endOf({ token: token('{"sub":"群","exp":1700000000}') })).to.equal(1_700_000_000_000)
    for (const other of [token('{}'), token('{"exp":"1"}'), token('null'), token('[]'), 'x', ''])
      expect(endOf({ token: other })).to.equal(undefined)
    expect(endOf({ userId: 'u', userSig: 's' })).to.equal(undefined)
  })
})

describe('positions in a text store', () => {
  it('come back, and anything else that stands there is none', () => {
    const texts = new Map<string, string>()
    const positions = storedPositions({
      getItem: (key) => texts.get(key) ?? null,
      setItem: (key, text) => void texts.set(key, text),
    })
    positions.save('group:g', at(3))
    expect(positions.load('group:g')).to.deep.equal(at(3))
    expect(positions.load('group:other')).to.equal(undefined)
    texts.set('recall-gateway:group:g', '{"epoch":1}')
    expect(positions.load('group:g')).to.equal(undefined)
  })
})
