import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { storedPositions } from '../../shared/client.ts'
import type { Position, PositionStore, RoomGap } from '../../shared/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { eventsOf, isLive, recorder, recordingStore } from '../support/recall-client.ts'
import { serveRecallRooms } from '../support/recall-room.ts'
import { waitUntil } from '../support/wait.ts'

/** More than the log holds. */
const TOO_MANY = 12

describe('what the client owes the application', () => {
  const setUp = serveRecallRooms()
  const onCleanUp = cleanUpAfterEach()

  describe('a gap', () => {
    it('is told until every handler has returned; then the position moves, and what follows is delivered', async () => {
      const { room, recall, store, open } = await setUp(TOO_MANY)
      const client = open()
      const errors = eventsOf(client, 'error')
      const told: RoomGap[] = []
      const offsets: number[] = []
      let ofSubscription = 0
      let finish = (): void => undefined
      client.on('gap', async (gap) => {
        offsets.push(store.offset())
        if (told.push(gap) < 3) throw new Error('cannot reload')
        await new Promise<void>((resolve) => (finish = resolve))
      })
      const { seqs, listener } = recorder()
      const subscription = client.subscribe(room, listener)
      subscription.on('gap', () => ofSubscription++)
      await waitUntil('it is told', () => told.length === 3)
      await recall(TOO_MANY + 1)
      await delay(20)
      expect({ kind: client.state.kind, seqs, offset: store.offset() }).to.deep.equal({
        kind: 'catching-up',
        seqs: [],
        offset: 0,
      })
      finish()
      await store.has(TOO_MANY + 1)
      await isLive(client)
      expect({ offsets, ofSubscription, seqs }).to.deep.equal({
        offsets: [0, 0, 0],
        ofSubscription: 1,
        seqs: [TOO_MANY + 1],
      })
      expect(told[0]).to.deep.include({ room, reason: 'trimmed' })
      expect(told[0]?.position.offset).to.equal(TOO_MANY)
      expect(errors.map(({ source, attempt }) => [source, attempt])).to.deep.equal([
        ['gap', 1],
        ['gap', 2],
      ])
    })

    it('is told again at once when the connection is back, however long it was to wait, and soon if that fails', async () => {
      const { random } = Math
      onCleanUp(() => void (Math.random = random))
      // Without jitter, the third delay is 4 s.
      Math.random = () => 0.999
      const { room, open } = await setUp(TOO_MANY)
      const client = open()
      const errors = eventsOf(client, 'error')
      let told = 0
      client.on('gap', () => {
        if (++told < 5) throw new Error('cannot reload')
      })
      client.subscribe(room, () => undefined)
      await waitUntil('it has failed three times', () => errors.length === 3)
      const failedAtMs = performance.now()
      client.connect()
      await waitUntil('it is told', () => told === 4)
      expect(performance.now() - failedAtMs).to.be.below(((errors[2]?.retryInMs ?? 0) * 3) / 4)
      await waitUntil('it has failed again', () => errors.length === 4)
      // By itself, it would be longer each time.
      expect(errors[3]?.retryInMs).to.be.below(1_000)
      await isLive(client)
    })

    it('is told in the next session if the client is closed before it was dealt with', async () => {
      const { room, store, open } = await setUp(TOO_MANY)
      for (const isLast of [false, true]) {
        const client = open()
        const gaps = eventsOf(client, 'gap')
        if (!isLast) client.on('gap', () => new Promise(() => undefined))
        client.subscribe(room, () => undefined)
        await waitUntil('it is told', () => gaps.length > 0)
        if (isLast) await store.has(TOO_MANY)
        else await delay(10)
        client.close()
        expect(store.offset()).to.equal(isLast ? TOO_MANY : 0)
      }
    })

    it('is an error if nothing handles it, until something does', async () => {
      const { room, store, open } = await setUp(TOO_MANY)
      const client = open()
      const errors = eventsOf(client, 'error')
      const subscription = client.subscribe(room, () => undefined)
      await waitUntil('it is an error', () => errors.length > 1)
      expect(errors[0]).to.deep.include({ source: 'gap', room, attempt: 1 })
      expect(String(errors[0]?.error)).to.contain('nothing handles that')
      expect([subscription.state.kind, store.offset()]).to.deep.equal(['catching-up', 0])
      const gaps = eventsOf(client, 'gap')
      await store.has(TOO_MANY)
      expect(gaps).to.have.length(1)
    })

    it('can be skipped, and is told once for all listeners of the room, and once to each of them', async () => {
      const { room, store, open } = await setUp(TOO_MANY)
      const client = open()
      let calls = 0
      const own: RoomGap[][] = [[], []]
      client.on('gap', () => calls++)
      for (const gaps of own) client.subscribe(room, () => undefined).on('gap', (gap) => gaps.push(gap))
      await store.has(TOO_MANY)
      expect([calls, own.map(({ length }) => length)]).to.deep.equal([1, [1, 1]])
      const other = await setUp(TOO_MANY)
      const careless = other.open()
      careless.on('error', ({ skip }) => skip?.())
      careless.subscribe(other.room, () => undefined)
      await other.store.has(TOO_MANY)
      await isLive(careless)
    })
  })

  describe('a stored position that cannot be read', () => {
    const listenOn = async (positions: (offset: Position) => PositionStore) => {
      const { room, recall, first, open } = await setUp(2)
      const client = open(positions(first))
      const gaps = eventsOf(client, 'gap')
      const errors = eventsOf(client, 'error')
      const { seqs, listener } = recorder()
      const subscription = client.subscribe(room, listener)
      await isLive(client)
      await recall(3)
      await waitUntil('the next is delivered', () => seqs.length > 0)
      return { gaps, errors, seqs, offset: subscription.position?.offset }
    }
    const storageWith = (text: string) => {
      const texts = { text }
      return {
        texts,
        storage: {
          getItem: () => texts.text,
          setItem: (_: string, value: string) => void (texts.text = value),
        },
      }
    }

    for (const text of [
      '{"epoch":"e","off',
      '{"epoch":"e"}',
      '{"epoch":"","offset":1}',
      '{"epoch":"e","offset":-1}',
    ])
      it(`is a gap: ${text}`, async () => {
        const { texts, storage } = storageWith(text)
        const { gaps, seqs, offset } = await listenOn(() => storedPositions(storage))
        expect(gaps.map(({ reason, position }) => [reason, position.offset])).to.deep.equal([
          ['position-unreadable', 2],
        ])
        expect({ seqs, offset }).to.deep.equal({ seqs: [3], offset: 3 })
        expect(JSON.parse(texts.text)).to.deep.include({ offset: 3 })
      })

    it('is a gap and an error if the store throws; what it cannot save, it saves later', async () => {
      let fails = 0
      const { stored, open } = recordingStore()
      const { gaps, errors } = await listenOn(() => ({
        load() {
          throw new Error('SecurityError')
        },
        save(...saved) {
          if (++fails < 3) throw new Error('QuotaExceededError')
          open().save(...saved)
        },
      }))
      await waitUntil('it is saved', () => (stored.at(-1) as Position | undefined)?.offset === 3)
      expect(gaps.map(({ reason }) => reason)).to.deep.equal(['position-unreadable'])
      expect(
        errors.slice(0, 2).map(({ source, error, attempt }) => [source, String(error), attempt]),
      ).to.deep.equal([
        ['store', 'Error: SecurityError', 1],
        ['store', 'Error: QuotaExceededError', 1],
      ])
    })

    it('is none if the store is asynchronous: it resumes, and stores', async () => {
      const { stored, open } = recordingStore()
      const { gaps, errors, seqs } = await listenOn((first) => {
        stored.push(first)
        return {
          load: async (name) => delay(20).then(() => open().load(name)),
          save: async (...saved) => delay(20).then(() => open().save(...saved)),
        }
      })
      await waitUntil('it is stored', () => (stored.at(-1) as Position).offset === 3)
      expect({ gaps, errors, first: seqs[0] }).to.deep.equal({ gaps: [], errors: [], first: 1 })
    })
  })

  describe('the state that is loaded', () => {
    it('comes before what follows, and there is no seam between them', async () => {
      const { room, recall, position, store, open } = await setUp()
      let isOver = false
      const sending = (async () => {
        for (let seq = 1; !isOver || seq < 60; seq++) await recall(seq)
      })()
      const client = open()
      const [errors, states] = [eventsOf(client, 'error'), eventsOf(client, 'state')]
      for (const _ of [1, 2]) {
        const { seqs, listener } = recorder()
        let loads = 0
        let at = 0
        client.subscribe(room, listener, {
          async load(from) {
            if (++loads < 3) throw new Error('the backend is unavailable')
            expect(seqs).to.deep.equal([])
            await delay(20)
            at = from.offset
          },
        })
        await waitUntil('it is loading', () => client.state.kind === 'loading')
        await waitUntil('some follow', () => seqs.length > 5)
        expect(seqs).to.deep.equal(seqs.map((__, i) => at + 1 + i))
        expect(loads).to.equal(3)
      }
      isOver = true
      await sending
      await store.has((await position()).offset)
      await isLive(client)
      expect(errors.map(({ source, attempt }) => [source, attempt])).to.deep.equal([
        ['load', 1],
        ['load', 2],
        ['load', 1],
        ['load', 2],
      ])
      const kinds = states.map(({ kind }) => kind)
      expect(kinds.slice(0, kinds.indexOf('live'))).to.include('loading')
    })

    it('is loaded again for a gap, instead of a handler, and not if `since` says that it is there', async () => {
      const { room, store, first, open } = await setUp(TOO_MANY)
      const client = open()
      const loaded: number[] = []
      const load = ({ offset }: Position): void => void loaded.push(offset)
      const gaps = eventsOf(client, 'gap')
      client.subscribe(room, () => undefined, { load, since: first })
      await store.has(TOO_MANY)
      await isLive(client)
      expect([loaded, gaps.length]).to.deep.equal([[TOO_MANY], 1])
    })

    it('is no reason for another listener to miss what was stored as missed', async () => {
      const { room, store, open } = await setUp(3)
      const client = open()
      let isLoading = false
      const load = (): Promise<void> => {
        isLoading = true
        return new Promise(() => undefined)
      }
      client.subscribe(room, () => undefined, { load })
      await waitUntil('it is loading', () => isLoading)
      const { seqs, listener } = recorder()
      client.subscribe(room, listener)
      await store.has(3)
      expect(seqs).to.deep.equal([1, 2, 3])
    })

    it('is no reason either if it ends before the store has answered', async () => {
      const { room, store, open } = await setUp(3)
      let answer = (): void => undefined
      const answered = new Promise<void>((resolve) => (answer = resolve))
      const { load: loadStored, save } = store.open()
      const client = open({ load: (name) => answered.then(() => loadStored(name)), save })
      const { seqs, listener } = recorder()
      client.subscribe(room, listener)
      const loading = client.subscribe(room, () => undefined, { load: () => undefined })
      await waitUntil('the other one has loaded', () => loading.position?.offset === 3)
      answer()
      await store.has(3)
      expect(seqs).to.deep.equal([1, 2, 3])
    })

    it('is no reason to store a position over a gap that another listener has not dealt with', async () => {
      const { room, open } = await setUp(3)
      const unreadable = { epoch: '', offset: -1 } as Position
      const store = recordingStore(unreadable)
      const client = open(store.open())
      let told = 0
      client.on('gap', () => {
        told++
        return Promise.reject(new Error('cannot reload'))
      })
      client.on('error', () => undefined)
      client.subscribe(room, () => undefined)
      const loading = client.subscribe(room, () => undefined, { load: () => undefined })
      await waitUntil('the other one has loaded', () => loading.position?.offset === 3)
      await waitUntil('the gap is told again', () => told > 1)
      expect(store.stored).to.deep.equal([unreadable])
    })

    it('does not begin at the stored position: the application has no state yet', async () => {
      const { room, store, open } = await setUp(3)
      const client = open()
      const loaded: number[] = []
      const { seqs, listener } = recorder()
      client.subscribe(room, listener, { load: ({ offset }) => void loaded.push(offset) })
      await store.has(3)
      expect({ loaded, seqs }).to.deep.equal({ loaded: [3], seqs: [] })
    })
  })
})
