import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { Ledger } from '../../shared/client/ledger.ts'
import { memoryPositions, storedPositions } from '../../shared/client/position-store.ts'
import type { PositionStore } from '../../shared/client/position-store.ts'
import { SavedPosition } from '../../shared/client/saved-position.ts'
import type { Position } from '../../shared/position.ts'

const at = (offset: number, epoch = 'e'): Position => ({ epoch, offset })

describe('the position of a room in a store', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  /** A store whose promises settle when the test says so. */
  const asynchronous = () => {
    const calls: {
      readonly what: string
      readonly settle: (value?: unknown) => void
      readonly fail: () => void
    }[] = []
    const call = (what: string): Promise<never> =>
      new Promise((resolve, reject) => {
        calls.push({ what, settle: resolve as () => void, fail: () => reject(new Error('full')) })
      })
    const store: PositionStore = {
      load: () => call('load'),
      save: (_, { offset }) => call(`save ${offset}`),
    }
    const settle = async (index: number, value?: unknown) => {
      calls[index]?.settle(value)
      await turn()
    }
    return { store, calls, settle, names: () => calls.map(({ what }) => what) }
  }
  /** A store of `stored`, the last of which counts, which may be full. */
  const fillable = (...stored: Position[]) => {
    const storage = {
      stored,
      isFull: false,
      load: (): Position | undefined => stored.at(-1),
      save(_: string, position: Position): void {
        if (storage.isFull) throw new Error('full')
        stored.push(position)
      },
    }
    return storage
  }
  const errors = () => {
    const told: string[] = []
    return {
      told,
      onError: (error: unknown, attempt: number) => void told.push(`${String(error)} ${attempt}`),
    }
  }

  it('is saved one at a time, the latest of all, and never behind what is stored', async () => {
    const { store, settle, names } = asynchronous()
    const saved = SavedPosition.of(store, 'r')
    const { onError } = errors()
    for (const offset of [1, 2, 3]) saved.report(store, at(offset), onError)
    expect(names()).to.deep.equal(['load'])
    await settle(0)
    expect(names()).to.deep.equal(['load', 'save 1'])
    await settle(1)
    await settle(2, at(1))
    expect(names()).to.deep.equal(['load', 'save 1', 'load', 'save 3'])
    await settle(3)
    saved.report(store, at(4), onError)
    // Somebody else has stored a later one meanwhile.
    await settle(4, at(9))
    expect(names().slice(4)).to.deep.equal(['load'])
  })

  it('that was reported before its last client left is still saved: at once, and if that fails, a few times more', async () => {
    const { store, calls, settle, names } = asynchronous()
    const saved = SavedPosition.of(store, 'r')
    const { told, onError } = errors()
    for (const offset of [1, 2, 3]) saved.report(store, at(offset), onError)
    saved.release(store)
    await settle(0)
    await settle(1)
    await settle(2, at(1))
    expect(names()).to.deep.equal(['load', 'save 1', 'load', 'save 3'])
    const isKept = () => SavedPosition.of(store, 'r') === saved
    for (let attempt = 1; attempt <= 5; attempt++) {
      calls.at(-1)?.fail()
      await turn()
      expect(told.at(-1)).to.equal(`Error: full ${attempt}`)
      expect(isKept()).to.equal(attempt < 5)
      mock.timers.tick(30_000)
      await settle(calls.length - 1)
    }
    expect(names().slice(4).join()).to.equal('load,save 3,load,save 3,load,save 3,load,save 3')
  })

  it('that waits for another attempt to save it is saved at once when its last client leaves', async () => {
    const store = fillable()
    store.isFull = true
    const saved = SavedPosition.of(store, 'r')
    for (const offset of [1, 2]) saved.report(store, at(offset), errors().onError)
    store.isFull = false
    saved.release(store)
    expect(store.stored).to.deep.equal([at(2)])
    expect(SavedPosition.of(store, 'r')).to.not.equal(saved)
  })

  it('is not that of the faster of two clients that leave together', () => {
    for (const begins of ['first', 'while it is full', 'and stays unread', 'and reports'] as const) {
      let isReadable = true
      const store = fillable(at(1))
      const { load } = store
      store.load = () => (isReadable ? load() : ('x' as never))
      const saved = SavedPosition.of(store, 'r')
      const [fast, slow] = [{}, {}]
      const { onError } = errors()
      if (begins === 'first') saved.report(slow, at(1), onError)
      store.isFull = begins !== 'first'
      saved.report(fast, at(9), onError)
      isReadable = begins !== 'and stays unread'
      if (begins === 'and reports') saved.report(slow, at(1), onError)
      else if (begins !== 'first') saved.load(slow, () => undefined, onError)
      store.isFull = false
      for (const client of [slow, fast]) saved.release(client)
      expect(store.stored, begins).to.deep.equal([at(1)])
    }
  })

  it('is saved again after a failure, and after an older save that settles late', async () => {
    const { store, calls, settle, names } = asynchronous()
    const saved = SavedPosition.of(store, 'r')
    const { told, onError } = errors()
    saved.report(store, at(1), onError)
    await settle(0)
    mock.timers.tick(10_000)
    expect(told).to.deep.equal(['Error: the position store did not respond within 10 s 1'])
    saved.report(store, at(2), onError)
    mock.timers.tick(1_000)
    await settle(2)
    await settle(3)
    expect(names()).to.deep.equal(['load', 'save 1', 'load', 'save 2'])
    await settle(1)
    await settle(4, at(1))
    expect(names().slice(4)).to.deep.equal(['load', 'save 2'])
    calls[5]?.fail()
    await turn()
    expect(told.slice(1)).to.deep.equal(['Error: full 1'])
  })

  it('is the least of all clients that share the store, and is not stored for one that has left', async () => {
    const store = fillable()
    const { stored } = store
    const saved = SavedPosition.of(store, 'r')
    const [fast, slow] = [{}, {}]
    const { onError } = errors()
    saved.report(slow, at(1), onError)
    for (const offset of [1, 2, 3]) saved.report(fast, at(offset), onError)
    saved.report(slow, at(2), onError)
    expect(stored).to.deep.equal([at(1), at(2)])
    saved.release(fast)
    saved.report(slow, at(3), onError)
    saved.release(slow)
    expect(SavedPosition.of(store, 'r')).to.not.equal(saved)
    expect(stored.at(-1)).to.deep.equal(at(3))
  })

  it('is not stored while another client waits for what is stored, or has not dealt with it', async () => {
    for (const [found, expected] of [
      [at(0), []],
      [undefined, [at(3)]],
      ['x', []],
    ] as const) {
      const stored: Position[] = []
      const answers: ((value: unknown) => void)[] = []
      const store = {
        load: () => new Promise<never>((resolve) => answers.push(resolve as (value: unknown) => void)),
        save: (_: string, position: Position) => void stored.push(position),
      }
      const answer = async (value: unknown): Promise<void> => {
        answers.shift()?.(value)
        await turn()
      }
      const saved = SavedPosition.of(store, 'r')
      const [slow, fast] = [{}, {}]
      const { onError } = errors()
      let isLoaded = false
      saved.load(slow, () => (isLoaded = true), onError)
      saved.report(fast, at(3), onError)
      expect(answers, 'only what the slow one asked for').to.have.lengthOf(1)
      await answer(found)
      expect(isLoaded).to.equal(true)
      await answer(found)
      expect(stored, JSON.stringify(found)).to.deep.equal(expected)
      saved.report(slow, at(3), onError)
      await answer(stored.at(-1) ?? found)
      expect(stored).to.deep.equal([at(3)])
      for (const client of [slow, fast]) saved.release(client)
      await turn()
      expect(SavedPosition.of(store, 'r')).to.not.equal(saved)
    }
  })

  it('is not stored by a save that is tried again once another client has begun further back', () => {
    const store = fillable(at(10))
    const { stored } = store
    store.isFull = true
    const saved = SavedPosition.of(store, 'r')
    const [fast, slow] = [{}, {}]
    const { onError } = errors()
    saved.report(fast, at(100), onError)
    store.isFull = false
    saved.load(slow, () => undefined, onError)
    mock.timers.tick(60_000)
    expect(stored).to.deep.equal([at(10)])
    saved.report(slow, at(100), onError)
    expect(stored).to.deep.equal([at(10), at(100)])
    for (const client of [slow, fast]) saved.release(client)
  })

  it('is read once, and not written, when a client begins', async () => {
    const { store, settle, names } = asynchronous()
    const saved = SavedPosition.of(store, 'r')
    saved.load({}, () => undefined, errors().onError)
    await settle(0, at(10))
    expect(names()).to.deep.equal(['load'])
  })

  it('is unreadable if the store returns anything but a position, throws, or does not respond', async () => {
    const load = (returned: () => unknown): unknown[] => {
      const results: unknown[] = []
      const store = { load: returned, save: () => undefined } as unknown as PositionStore
      SavedPosition.of(store, 'r').load(
        {},
        (stored) => results.push(stored),
        (error) => results.push(String(error)),
      )
      return results
    }
    for (const nothing of [undefined, null]) expect(load(() => nothing)).to.deep.equal([undefined])
    expect(load(() => ({ ...at(3), more: 1 }))).to.deep.equal([at(3)])
    const bad = [
      { epoch: 'e' },
      { offset: 1 },
      at(-1),
      at(0.5),
      at(2 ** 53),
      at(1, ''),
      at(1, 'e'.repeat(65)),
      'x',
      0,
      [],
    ]
    for (const value of bad)
      expect(
        load(() => value),
        JSON.stringify(value),
      ).to.deep.equal(['unreadable'])
    expect(load(() => JSON.parse('{"epoch'))[1]).to.equal('unreadable')
    const rejected = load(() => Promise.reject(new Error('blocked')))
    const silent = load(() => new Promise(() => undefined))
    await turn()
    mock.timers.tick(10_000)
    expect(rejected).to.deep.equal(['Error: blocked', 'unreadable'])
    expect(silent).to.deep.equal(['Error: the position store did not respond within 10 s', 'unreadable'])
  })

  it('in a text store is loaded as it was saved, and a storage that may not be used fails when it is used', () => {
    const texts = new Map<string, string>()
    const positions = storedPositions(() => ({
      getItem: (key) => texts.get(key) ?? null,
      setItem: (key, text) => void texts.set(key, text),
    }))
    positions.save('group:g', at(3))
    expect(positions.load('group:g')).to.deep.equal(at(3))
    expect(positions.load('group:other')).to.equal(null)
    const forbidden = storedPositions(() => {
      throw new Error('SecurityError')
    })
    expect(() => forbidden.load('group:g')).to.throw('SecurityError')
  })

  it('in a text store that returns promises is the same, and what these reject with is not lost', async () => {
    const texts = new Map<string, string>()
    const { load, save } = storedPositions({
      getItem: async (key) => texts.get(key) ?? null,
      async setItem(key, text) {
        if (texts.size > 0) throw new Error('full')
        texts.set(key, text)
      },
    })
    expect(await load('group:g')).to.equal(null)
    await save('group:g', at(3))
    expect(await load('group:g')).to.deep.equal(at(3))
    const failure = Promise.resolve(save('group:g', at(4))).catch((error: unknown) => String(error))
    expect(await failure).to.equal('Error: full')
  })

  it('is kept by the client when the room is left, and nothing more is stored', () => {
    const store = memoryPositions()
    const ledger = new Ledger(store, 'r', () => undefined)
    ledger.update([{ place: at(3), start: at(0), isProved: true }])
    ledger.close()
    void store.save('r', at(9))
    const starts: unknown[] = []
    ledger.open((start) => starts.push(start))
    expect(starts).to.deep.equal([at(3)])
  })

  it('is no concern of a room that was left meanwhile: what fails is not told', async () => {
    const { store, calls } = asynchronous()
    const { told, onError } = errors()
    const ledger = new Ledger(store, 'r', onError)
    ledger.open(() => expect.fail('nobody waits for it'))
    ledger.close()
    calls[0]?.fail()
    await turn()
    expect(told).to.be.empty
  })

  it('does not pass a client that has left the room and returned, however late its first answer comes', async () => {
    const { store, calls, settle, names } = asynchronous()
    const { onError } = errors()
    const other = {}
    const saved = SavedPosition.of(store, 'r')
    saved.report(other, at(9), onError)
    await settle(0, at(9))
    const ledger = new Ledger(store, 'r', onError)
    ledger.open(() => expect.fail('nobody waits for it'))
    ledger.close()
    const starts: unknown[] = []
    ledger.open((start) => starts.push(start))
    await settle(2, at(9))
    await settle(1, at(9))
    expect(starts).to.deep.equal([at(9)])
    saved.report(other, at(12), onError)
    expect(calls, names().join()).to.have.length(3)
  })
})
