import { expect } from 'chai'
import { SlicedBroadcasts } from '../../server/realtime/rooms/sliced-broadcasts.ts'
import type { Members } from '../../server/realtime/rooms/sliced-broadcasts.ts'

/** A write that takes as long as one to a socket does, many times over. */
function writeSlowly(): void {
  const endsAtMs = performance.now() + 0.1
  while (performance.now() < endsAtMs);
}

async function allOf(sending: readonly (Promise<void> | undefined)[]): Promise<void> {
  for (const one of sending) await one
}

describe('broadcasts in slices', () => {
  let broadcasts: SlicedBroadcasts<number>
  let written: string[]

  beforeEach(() => {
    broadcasts = new SlicedBroadcasts()
    written = []
  })

  function membersOf(count: number): Members<number> {
    const members: Members<number> = new Map()
    for (let i = 0; i < count; i++) broadcasts.join(members, i)
    return members
  }

  const write = (event: string) => (listener: number) => {
    writeSlowly()
    written.push(`${listener} ${event}`)
  }

  const all = (count: number, event: string): string[] =>
    Array.from({ length: count }, (_, listener) => `${listener} ${event}`)

  it('let other work in between, and reach everybody in order', async () => {
    const members = membersOf(400)
    let turns = 0
    const others = setInterval(() => turns++, 0)
    const sending = ['a', 'b'].map((event) => broadcasts.send('room', members, write(event)))
    expect(written.length).to.be.below(400)
    await allOf(sending)
    clearInterval(others)
    expect(turns).to.be.above(2)
    expect(written).to.deep.equal([...all(400, 'a'), ...all(400, 'b')])
  })

  it('finish at once when there are few listeners', () => {
    expect(broadcasts.send('room', membersOf(3), write('a'))).to.equal(undefined)
    expect(written).to.deep.equal(all(3, 'a'))
  })

  it('share one slice, however many begin in the same turn', async () => {
    const members = membersOf(50)
    const sending = Array.from({ length: 20 }, (_, room) => broadcasts.send(`${room}`, members, write('a')))
    // 100 ms of writes in all.
    expect(written.length).to.be.below(500)
    await allOf(sending)
    expect(written).to.have.length(1_000)
  })

  it('let a small set have its share while a large one takes long', async () => {
    const large = broadcasts.send('large', membersOf(1_000), write('a'))
    const small = broadcasts.send('small', membersOf(2), write('b'))
    await allOf([large, small])
    expect(written.indexOf('1 b')).to.be.below(500)
  })

  it('skip those who leave, and those who join later, without writing the rest at once', async () => {
    const members = membersOf(400)
    const sending = broadcasts.send('room', members, write('a'))
    const writtenAtOnce = written.length
    members.delete(399)
    broadcasts.join(members, 400)
    broadcasts.join(members, 399)
    expect(written.length).to.equal(writtenAtOnce)
    const next = broadcasts.send('room', members, write('b'))
    await sending
    await next
    expect(written).to.deep.equal([...all(399, 'a'), ...all(399, 'b'), '400 b', '399 b'])
  })

  it('are finished for one who leaves and wants the rest', async () => {
    const members = membersOf(400)
    const sending = [
      broadcasts.send('room', members, write('a')),
      broadcasts.send('room', members, write('b')),
    ]
    broadcasts.join(members, 400)
    written.length = 0
    for (const listener of [0, 399, 400, 401]) broadcasts.finish('room', members, listener)
    expect(written).to.deep.equal(['0 b', '399 a', '399 b'])
    expect(members.has(399)).to.equal(false)
    await allOf(sending)
    expect(written.filter((one) => one.startsWith('399 '))).to.have.length(2)
    expect(written.filter((one) => one.startsWith('0 '))).to.have.length(1)
  })

  it('do not queue without end', () => {
    const members = membersOf(100)
    for (let event = 0; event < 66; event++) void broadcasts.send('room', members, write(String(event)))
    expect(written.filter((one) => one.endsWith(' 0'))).to.have.length(100)
    expect(written.filter((one) => one.endsWith(' 1'))).to.have.length(100)
    expect(written.filter((one) => one.endsWith(' 3'))).to.have.length(0)
  })
})
