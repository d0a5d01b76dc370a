import { expect } from 'chai'
import { SlicedBroadcasts } from '../../server/realtime/rooms/sliced-broadcasts.ts'

/** A write that takes as long as one to a socket does, many times over. */
function writeSlowly(): void {
  const endsAtMs = performance.now() + 0.1
  while (performance.now() < endsAtMs);
}

const listenersOf = (count: number): Set<number> => new Set(Array.from({ length: count }, (_, i) => i))

describe('broadcasts in slices', () => {
  it('let other work in between, and reach everybody in order', async () => {
    const broadcasts = new SlicedBroadcasts<number>()
    const written: string[] = []
    const listeners = listenersOf(400)
    const write = (event: string) => (listener: number) => {
      writeSlowly()
      written.push(`${listener} ${event}`)
    }
    let turns = 0
    const others = setInterval(() => turns++, 0)
    const sending = [
      broadcasts.send('room', listeners, write('a')),
      broadcasts.send('room', listeners, write('b')),
    ]
    expect(written.length).to.be.below(400)
    for (const one of sending) await one
    clearInterval(others)
    expect(turns).to.be.above(2)
    const expected = ['a', 'b'].flatMap((event) => [...listeners].map((listener) => `${listener} ${event}`))
    expect(written).to.deep.equal(expected)
  })

  it('finish at once when there are few listeners', () => {
    const written: number[] = []
    const sending = new SlicedBroadcasts<number>().send('room', listenersOf(3), (listener) =>
      written.push(listener),
    )
    expect(sending).to.equal(undefined)
    expect(written).to.deep.equal([0, 1, 2])
  })

  it('are settled before anybody joins, and skip those who have left', async () => {
    const broadcasts = new SlicedBroadcasts<number>()
    const written: number[] = []
    const listeners = listenersOf(400)
    const sending = broadcasts.send('room', listeners, (listener) => {
      writeSlowly()
      written.push(listener)
    })
    listeners.delete(399)
    broadcasts.settle('room')
    listeners.add(400)
    await sending
    expect(written).to.deep.equal(Array.from({ length: 399 }, (_, i) => i))
  })
})
