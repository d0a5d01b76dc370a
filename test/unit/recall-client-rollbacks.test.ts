import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import type { RecallClient } from '../../shared/client.ts'
import { Epochs, goneIf } from '../../shared/client/epochs.ts'
import type { PositionStore } from '../../shared/client/position-store.ts'
import { SavedPosition } from '../../shared/client/saved-position.ts'
import type { Position } from '../../shared/position.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startFakeGateway } from '../support/fake-gateway.ts'
import { at, batch, followRoom, never, room } from '../support/followed-room.ts'
import { fixRandom } from '../support/random.ts'
import { eventsOf, held, isLive, recorder, recordingStore } from '../support/recall-client.ts'
import { waitUntil } from '../support/wait.ts'

describe('a log that goes back, as the client sees it', () => {
  const onCleanUp = cleanUpAfterEach()
  fixRandom(0)

  describe('in sessions', () => {
    const setUp = async (stored?: Position) => {
      const gateway = await startFakeGateway()
      onCleanUp(gateway.stop)
      const store = recordingStore(stored)
      const open = (positions = store.open()): RecallClient => {
        const client = createRecallClient({ url: gateway.url, auth: { token: 'x' }, positions })
        onCleanUp(() => client.close())
        return client
      }
      const publish = (count: number): void => {
        for (let i = 0; i < count; i++) gateway.publish(room)
      }
      return { gateway, store, open, publish }
    }

    it('moves the stored position back, so that the next session misses nothing', async () => {
      const { gateway, store, open, publish } = await setUp(at(5, 'e0'))
      gateway.rollBack(room, 3)
      const client = open()
      const gaps = eventsOf(client, 'gap')
      const { seqs, listener, has } = recorder()
      client.subscribe(room, listener)
      await waitUntil('the gap is told', () => gaps.length > 0)
      await isLive(client)
      expect(store.stored.at(-1)).to.deep.equal(at(3, 'e0'))
      publish(1)
      await has(1)
      client.close()
      expect(store.stored.at(-1)).to.deep.equal(at(4, 'e0'))
      publish(2)
      const next = recorder()
      open().subscribe(room, next.listener)
      await next.has(2)
      expect([seqs, next.seqs]).to.deep.equal([[4], [5, 6]])
    })

    it('is stored at once: a session that ends before the gap is dealt with leaves it to the next', async () => {
      const { gateway, store, open, publish } = await setUp(at(5, 'e0'))
      gateway.rollBack(room, 3)
      const client = open()
      let isTold = false
      client.on('gap', () => {
        isTold = true
        return new Promise(() => undefined)
      })
      client.subscribe(room, () => undefined)
      await waitUntil('the gap is told', () => isTold)
      client.close()
      publish(4)
      const next = open()
      const gaps = eventsOf(next, 'gap')
      next.subscribe(room, () => undefined)
      await waitUntil('the gap is told again', () => gaps.length > 0)
      await store.has(7)
    })

    it('is where a second listener begins, and the state is live once the gap is dealt with', async () => {
      const { gateway, open, publish } = await setUp()
      const client = open()
      const gaps = eventsOf(client, 'gap')
      const first = recorder()
      client.subscribe(room, first.listener)
      await isLive(client)
      publish(5)
      await first.has(5)
      gateway.rollBack(room, 3)
      gateway.cut()
      await waitUntil('the gap is told', () => gaps.length > 0)
      await isLive(client)
      const second = recorder()
      client.subscribe(room, second.listener)
      publish(2)
      await first.has(7)
      await second.has(2)
      expect([first.seqs, second.seqs]).to.deep.equal([
        [1, 2, 3, 4, 5, 4, 5],
        [4, 5],
      ])
    })

    it('is known to the client when the room is left, and to one that was too far behind to be there', async () => {
      const { gateway, store, open, publish } = await setUp()
      const client = open()
      const gaps = eventsOf(client, 'gap')
      const slow = held()
      client.subscribe(room, slow.listener)
      await isLive(client)
      publish(5_001)
      await slow.isCalled()
      await waitUntil('it takes no more', () => gateway.count(room) === 0)
      const { listener } = recorder()
      const other = client.subscribe(room, listener)
      await isInRoom()
      gateway.rollBack(room, 10)
      gateway.cut()
      await waitUntil('the gap is told', () => gaps.length === 1)
      other.leave()
      expect((store.stored.at(-1) as Position).epoch).to.not.equal('e0')
      async function isInRoom() {
        await waitUntil('the other is in the room', () => gateway.count(room) === 1)
      }
    })

    for (const { name, last } of [
      { name: 'same', last: 'e0' },
      { name: 'earlier', last: 'e1' },
    ])
      it(`to its ${name} epoch, is forward for the stored position`, async () => {
        const { gateway, store, open, publish } = await setUp()
        const client = open()
        const gaps = eventsOf(client, 'gap')
        client.subscribe(room, () => undefined)
        await isLive(client)
        publish(5)
        await store.has(5)
        if (last === 'e1') gateway.lose(room)
        publish(1)
        await store.has(6)
        const before = gaps.length
        gateway.rollBack(room, 2, 'e0')
        gateway.cut()
        await waitUntil('the gap is told', () => gaps.length > before)
        await isLive(client)
        expect(store.stored.at(-1)).to.deep.equal(at(2, 'e0'))
      })
  })

  describe('in a room', () => {
    it('every listener is told that had a place in it, wherever the log ends by then', async () => {
      const { followed, listen, enter, begin, stored } = followRoom(() => at(5))
      const [first, second] = [listen(), listen(at(2))]
      // One request for the place of each.
      begin(at(5))
      begin(at(5))
      followed.receive(batch([3, 4, 5, 6]))
      await turn()
      const behind = listen(at(1), never)
      begin(at(6))
      followed.receive(batch([2, 3]))
      followed.leave()
      // All have taken up to 6, but the one that is behind.
      followed.nextRequest()
      enter(at(1))
      expect(followed.nextRequest()).to.deep.include({ since: at(6) })
      expect(enter(at(4), 'epoch-changed').asksAgain).to.equal(false)
      await turn()
      expect([first.gaps, second.gaps]).to.deep.equal([[at(4)], [at(4)]])
      expect(behind.listener.taken).to.deep.equal(at(4))
      expect(followed.hasRecovered).to.equal(true)
      expect(stored.at(-1)?.epoch).to.not.equal('e')
    })

    it('a place that only the application says is no evidence: nobody else is told, and it is not stored', async () => {
      const { followed, listen, enter, begin, stored } = followRoom()
      const one = listen()
      begin(at(5))
      const far = listen(at(900))
      followed.nextRequest()
      enter(at(5), 'epoch-changed')
      await turn()
      expect([one.gaps, far.gaps]).to.deep.equal([[], [at(5)]])
      const alone = followRoom()
      alone.listen(at(900))
      alone.followed.nextRequest()
      alone.enter(at(5), 'epoch-changed')
      await turn()
      expect([stored.at(-1), alone.stored.at(-1)]).to.deep.equal([at(5), at(5)])
    })

    it('what a node has told after the place that the application said is evidence: the room recovers where it ends', async () => {
      const { followed, listen, enter } = followRoom()
      const { gaps, offsets } = listen(at(900, 'd'))
      followed.nextRequest()
      enter(at(5), 'epoch-changed')
      followed.receive(batch([6, 7]))
      await turn()
      followed.leave()
      expect(followed.nextRequest()).to.deep.include({ since: at(7) })
      enter(at(3), 'epoch-changed')
      await turn()
      expect([gaps, offsets]).to.deep.equal([
        [at(5), at(3)],
        [6, 7],
      ])
      expect(followed.hasRecovered).to.equal(true)
    })

    it('two listeners, of which one has dealt with the gap, are where the other is', async () => {
      const { followed, listen, enter, begin, stored } = followRoom()
      let finish = (): void => undefined
      listen()
      const slow = listen(undefined, undefined, () => new Promise<void>((resolve) => (finish = resolve)))
      begin(at(5))
      followed.leave()
      followed.nextRequest()
      enter(at(3), 'epoch-changed')
      followed.receive(batch([4, 5, 6, 7]))
      await turn()
      expect(stored.at(-1)?.epoch).to.not.equal('e')
      finish()
      await turn()
      await turn()
      expect(slow.offsets).to.deep.equal([4, 5, 6, 7])
      expect(stored.at(-1)).to.deep.equal(at(7))
    })

    it('what is owed to the next listener is owed as a gap', async () => {
      const { followed, ledger, listen, enter, begin } = followRoom()
      const slow = listen(undefined, never)
      begin(at(3))
      followed.receive(batch([4, 5]))
      await turn()
      listen()
      followed.receive(batch([6]))
      await turn()
      followed.remove(slow.listener)
      expect(ledger.owed).to.deep.equal(at(3))
      followed.leave()
      followed.nextRequest()
      enter(at(2), 'epoch-changed')
      await turn()
      const next = listen()
      followed.receive(batch([3, 4, 5]))
      expect(followed.nextRequest().since?.epoch).to.not.equal('e')
      enter(at(5), 'epoch-changed')
      await turn()
      expect([next.gaps, next.offsets]).to.deep.equal([[at(5)], []])
    })

    it('a gap in the same epoch is taken in while the room is followed, unless it is another reason', async () => {
      const { followed, listen, begin, stored } = followRoom()
      const { gaps, offsets } = listen()
      begin(at(5))
      expect(followed.skipTo('trimmed', at(3))).to.equal(false)
      expect(followed.skipTo('epoch-changed', at(3))).to.equal(true)
      expect(followed.receive(batch([4]))).to.equal('ok')
      await turn()
      expect([gaps, offsets, stored.at(-1)]).to.deep.equal([[at(3)], [4], at(4)])
    })

    it('a response to a request from before the gap tells it no second time', async () => {
      const { followed, listen, enter, begin } = followRoom()
      const { gaps } = listen()
      begin(at(5))
      followed.nextRequest()
      followed.skipTo('epoch-changed', at(3))
      enter(at(3), 'epoch-changed')
      await turn()
      expect(gaps).to.deep.equal([at(3)])
    })

    it('an epoch that was replaced and is there again holds no place of before', async () => {
      const { followed, listen, enter, begin, stored } = followRoom()
      const behind = listen(undefined, never)
      const { gaps } = listen()
      begin(at(5))
      followed.receive(batch([6]))
      await turn()
      followed.skipTo('epoch-changed', at(0, 'f'))
      await turn()
      behind.listener.isFull = true
      followed.leave()
      followed.nextRequest()
      enter(at(9), 'epoch-changed')
      await turn()
      expect(gaps).to.deep.equal([at(0, 'f'), at(9)])
      expect(followed.listeners[0]?.place?.epoch).to.not.equal('e')
      followed.remove(behind.listener)
      expect(stored.at(-1)).to.not.deep.equal(at(5))
    })

    it('what follows the gap is recovered, even if it was told before: live only then', async () => {
      const { followed, listen, enter, begin } = followRoom()
      const { listener, offsets } = listen()
      begin(at(5))
      followed.leave()
      followed.nextRequest()
      expect(enter(at(2, 'f'), 'epoch-changed', 3).missed).to.deep.equal([])
      await turn()
      expect(followed.summary(listener).state).to.equal('catching-up')
      followed.receive(batch([3, 4, 5], 'f'))
      await turn()
      expect([followed.summary(listener).state, offsets]).to.deep.equal(['live', [3, 4, 5]])
    })
  })

  describe('in a store', () => {
    it('stays gone until all clients that share it are beyond, and an old save that comes late is replaced', async () => {
      const stored: Position[] = [at(5)]
      const late: (() => void)[] = []
      let isSlow = false
      const store: PositionStore = {
        load: () => stored.at(-1),
        save: (_, position) =>
          isSlow
            ? new Promise<void>((resolve) =>
                late.push(() => {
                  stored.push(position)
                  resolve()
                }),
              )
            : void stored.push(position),
      }
      const saved = SavedPosition.of(store, 'r')
      const [one, other] = [{}, {}]
      const onError = () => undefined
      for (const client of [one, other]) saved.load(client, () => undefined, onError)
      isSlow = true
      for (const client of [one, other]) saved.report(client, at(6), onError)
      isSlow = false
      saved.retire('e')
      saved.report(one, at(3), onError)
      late[0]?.()
      await turn()
      expect(stored.at(-1)).to.deep.equal(at(6, 'gone'))
      saved.report(other, at(4), onError)
      expect(stored.at(-1)).to.deep.equal(at(3))
      // Another program has stored it, under the old numbering.
      stored.push(at(6))
      saved.report(one, at(4), onError)
      expect(stored.at(-1)).to.deep.equal(at(4))
    })

    it('the first epoch of two that are heard of is the earlier one', () => {
      const stored: Position[] = [at(5, 'old')]
      const store: PositionStore = {
        load: () => stored.at(-1),
        save: (_, position) => void stored.push(position),
      }
      const saved = SavedPosition.of(store, 'r')
      const [slow, fast] = [{}, {}]
      saved.load(
        slow,
        () => undefined,
        () => undefined,
      )
      saved.report(fast, at(1, 'new'), () => undefined)
      expect(stored.at(-1)).to.deep.equal(at(5, 'old'))
    })

    it('is ordered by what was heard of, again after an epoch went back', () => {
      const epochs = new Epochs()
      expect(['a', 'b', 'a'].map((epoch) => epochs.hear(epoch))).to.deep.equal([false, false, true])
      epochs.renew('a')
      expect(['b', 'a', 'c'].map((epoch) => epochs.hear(epoch))).to.deep.equal([true, false, false])
      const ordered = [goneIf('a', at(9, 'a')), at(9, 'b'), at(1, 'a'), at(2, 'a'), at(0, 'c')]
      ordered.forEach((one, i) => {
        ordered.forEach((two, j) => expect(epochs.isAfter(one, two), `${i} ${j}`).to.equal(i > j))
      })
    })
  })
})
