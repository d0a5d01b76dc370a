import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { Turns } from '../../server/lib/turns.ts'

const OPTIONS = { sliceMs: 5, maxWaiting: 100 }

function workFor(ms: number): void {
  const endsAtMs = performance.now() + ms
  while (performance.now() < endsAtMs);
}

describe('turns', () => {
  it('are taken in order, a slice in each turn of the event loop', async () => {
    const turns = new Turns(OPTIONS)
    const done: number[] = []
    for (let i = 0; i < 20; i++)
      turns.take(() => {
        workFor(2)
        done.push(i)
      })
    expect(done).to.deep.equal([])
    await nextTurn()
    expect(done.length).to.be.within(1, 4)
    for (let i = 0; i < 20; i++) await nextTurn()
    expect(done).to.deep.equal(Array.from({ length: 20 }, (_, i) => i))
  })

  it('are refused beyond a number or a size', async () => {
    const turns = new Turns({ sliceMs: 5, maxWaiting: 3, maxBytes: 10 })
    const done: string[] = []
    expect(turns.take(() => done.push('a'), 6)).to.equal(true)
    expect(turns.take(() => done.push('b'), 6)).to.equal(false)
    expect(turns.take(() => done.push('c'), 4)).to.equal(true)
    expect(turns.take(() => done.push('d'))).to.equal(true)
    expect(turns.take(() => undefined)).to.equal(false)
    await nextTurn()
    await nextTurn()
    expect(done).to.deep.equal(['a', 'c', 'd'])
    expect(turns.take(() => undefined, 10)).to.equal(true)
  })

  it('end: who waits is served at once, and nobody waits after that', () => {
    const turns = new Turns(OPTIONS)
    const done: string[] = []
    turns.take(() => done.push('a'))
    turns.stop()
    expect(done).to.deep.equal(['a'])
    expect(turns.take(() => done.push('b'))).to.equal(false)
  })
})
