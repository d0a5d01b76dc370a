import { expect } from 'chai'
import { Connection } from '../../shared/client/connection.ts'
import { claimsOf, expiryOf } from '../../shared/client/credential.ts'
import { FollowedRoom } from '../../shared/client/followed-room.ts'
import { RoomListener } from '../../shared/client/listeners.ts'
import { storedPositions, withErrorsReported } from '../../shared/client/position-store.ts'
import type { Position } from '../../shared/position.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const notice = (offset: number) => ({ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 1 })
const at = (offset: number, epoch = 'e'): Position => ({ epoch, offset })
const room = { group: 'g' }
const batch = (offsets: readonly number[], epoch = 'e') => ({ room, epoch, notices: offsets.map(notice) })

describe('a room that a client follows', () => {
  const follow = (since?: Position) => {
    const handled: number[] = []
    const delivered: number[] = []
    const followed = new FollowedRoom(
      room,
      { position: since, isResumed: true },
      {
        onHandled: ({ offset }) => handled.push(offset),
        onDrained: () => undefined,
      },
    )
    const listener = ({ offset }: { offset: number }): void => void delivered.push(offset)
    followed.addListener(new RoomListener(listener, () => undefined))
    return { followed, handled, delivered }
  }

  it('delivers each notice once, even if batches overlap', async () => {
    const { followed, delivered } = follow(at(2))
    followed.enter({ ok: true, room, position: at(4), recovered: 2 })
    expect(followed.receive(batch([1, 2, 3]))).to.equal('ok')
    expect(followed.hasRecovered).to.equal(false)
    expect(followed.receive(batch([3, 4, 5]))).to.equal('ok')
    await waitUntil('all are delivered', () => followed.isLive)
    expect(delivered).to.deep.equal([3, 4, 5])
    expect(followed.request).to.deep.equal({ group: 'g', since: at(5) })
  })

  it('needs a new subscription at a hole, and under another epoch', () => {
    const { followed } = follow(at(2))
    followed.enter({ ok: true, room, position: at(2), recovered: 0 })
    expect(followed.receive(batch([4]))).to.equal('hole')
    expect(followed.receive(batch([1], 'other'))).to.equal('hole')
    expect(followed.request).to.deep.equal({ group: 'g', since: at(2) })
  })

  it('ignores notices after it was left', () => {
    const { followed, delivered } = follow(at(2))
    followed.enter({ ok: true, room, position: at(2), recovered: 0 })
    followed.leave()
    followed.receive(batch([3]))
    expect(delivered).to.be.empty
    expect(followed.request.since).to.deep.equal(at(2))
  })

  it('continues after a gap', async () => {
    const { followed, delivered, handled } = follow(at(2))
    followed.enter({ ok: true, room, position: at(9, 'new'), recovered: 0, gap: 'epoch-changed' })
    followed.receive(batch([10], 'new'))
    followed.skipTo(at(20, 'new'))
    followed.receive(batch([21], 'new'))
    await waitUntil('all are delivered', () => followed.isLive)
    expect(delivered).to.deep.equal([10, 21])
    expect(handled).to.deep.equal([9, 10, 20, 21])
  })

  it('advances its position only after the listener has returned', async () => {
    const { followed, handled } = follow(at(0))
    let finish = (): void => undefined
    const slow = new RoomListener(
      () => new Promise<void>((resolve) => (finish = resolve)),
      () => undefined,
    )
    followed.addListener(slow)
    followed.enter({ ok: true, room, position: at(0), recovered: 0 })
    followed.receive(batch([1, 2]))
    expect(followed.position).to.deep.equal(at(0))
    expect(followed.isLive).to.equal(false)
    finish()
    await waitUntil('the first is handled', () => handled.length === 1)
    expect(followed.position).to.deep.equal(at(1))
    slow.leave()
    finish()
    await waitUntil('the second is handled', () => handled.length === 2)
  })
})

describe('a listener that throws', () => {
  it('receives the notice again', async () => {
    const errors: unknown[] = []
    let calls = 0
    const failing = new RoomListener(
      () => {
        if (++calls < 2) throw new Error('not now')
      },
      (error) => errors.push(error),
    )
    await failing.deliver(notice(1), () => undefined)
    expect(calls).to.equal(2)
    expect(errors).to.have.length(1)
  })

  it('does not hold up the room once it has left', async () => {
    const failing = new RoomListener(
      () => {
        throw new Error('never')
      },
      () => failing.leave(),
    )
    await failing.deliver(notice(1), () => undefined)
  })
})

describe('a credential that never arrives', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is reported as an error, and requested again', async () => {
    const errors: string[] = []
    let calls = 0
    const connection = new Connection({
      url: 'http://127.0.0.1:9',
      credential() {
        calls++
        return new Promise(() => undefined)
      },
      credentialTimeoutMs: 10,
      onConnect: () => undefined,
      onDisconnect: () => undefined,
      onGoodbye: () => undefined,
      onError: ({ error }) => errors.push(String(error)),
      onChange: () => undefined,
    })
    onCleanUp(() => connection.close())
    connection.open()
    await waitUntil('it is requested again', () => calls > 1)
    expect(errors[0]).to.equal('TypeError: no credential within 0.01 s')
  })

  it('is not reported once the connection is closed', async () => {
    let wasCalled = false
    let wasReported = false
    const connection = new Connection({
      url: 'http://127.0.0.1:9',
      async credential() {
        wasCalled = true
        throw new Error('too late')
      },
      onConnect: () => undefined,
      onDisconnect: () => undefined,
      onGoodbye: () => undefined,
      onError: () => (wasReported = true),
      onChange: () => undefined,
    })
    connection.open()
    connection.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect({ wasCalled, wasReported }).to.deep.equal({ wasCalled: true, wasReported: false })
  })
})

describe('a credential', () => {
  const token = (payload: string): string => `x.${Buffer.from(payload).toString('base64url')}.y`
  const others = [token('null'), token('[]'), 'x', '']

  it('expires when its JWT says so, and at an unknown time otherwise', () => {
    expect(expiryOf({ token: token('{"sub":"群","exp":1700000000}') })).to.equal(1_700_000_000_000)
    for (const other of [token('{}'), token('{"exp":"1"}'), ...others])
      expect(expiryOf({ token: other }), other).to.equal(undefined)
    expect(expiryOf({ userId: 'u', userSig: 's' })).to.equal(undefined)
  })

  it('has the claims of its JWT, and none if it is not a JWT', () => {
    expect(claimsOf(token('{"sub":"u","role":"admin"}'))).to.deep.equal({ sub: 'u', role: 'admin' })
    for (const other of others) expect(claimsOf(other), other).to.deep.equal({})
  })
})

describe('positions in a text store', () => {
  it('are loaded as they were saved, and any other text is ignored', () => {
    const texts = new Map<string, string>()
    const positions = storedPositions({
      getItem: (key) => texts.get(key) ?? null,
      setItem: (key, text) => void texts.set(key, text),
    })
    positions.save('group:g', at(3))
    expect(positions.load('group:g')).to.deep.equal(at(3))
    expect(positions.load('group:other')).to.equal(undefined)
    for (const text of ['{"epoch":1}', '{"epoch":"e","offset":0.5}', '[]', 'null']) {
      texts.set('recall-gateway:group:g', text)
      expect(positions.load('group:g'), text).to.equal(undefined)
    }
  })
})

describe('a position store that throws', () => {
  it('has no position, and its errors are reported', () => {
    const errors: string[] = []
    const full = () => {
      throw new Error('full')
    }
    const positions = withErrorsReported({ load: full, save: full }, (error) => errors.push(String(error)))
    expect(positions.load('group:g')).to.equal(undefined)
    positions.save('group:g', at(3))
    expect(errors).to.deep.equal(['Error: full', 'Error: full'])
  })
})
