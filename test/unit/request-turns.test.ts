import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { RequestTurns } from '../../server/lib/request-turns.ts'

/** Takes the event loop for so long. */
function workFor(ms: number): void {
  const endsAtMs = performance.now() + ms
  while (performance.now() < endsAtMs);
}

describe('the turns of requests', () => {
  const receiver = {}
  /** On a busy machine, a single request uses up a slice. */
  async function manyTurns(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await nextTurn()
  }

  /** Uses up the slice of this turn, so that what follows waits. */
  async function busyTurns(): Promise<RequestTurns> {
    const turns = new RequestTurns()
    await nextTurn()
    expect(turns.begin('busy', receiver)).to.equal(undefined)
    workFor(6)
    return turns
  }

  /** Each request takes two milliseconds, the most of it in promises that follow its turn. */
  async function serve(turns: RequestTurns, user: string, served: string[], who = receiver): Promise<void> {
    await turns.begin(user, who)
    for (let i = 0; i < 5; i++) await Promise.resolve()
    workFor(2)
    served.push(user)
  }

  it('begin at once while the loop has time', async () => {
    expect(new RequestTurns().begin('a', receiver)).to.equal(undefined)
    expect(new RequestTurns().goOn()).to.equal(undefined)
    let hasBegun = false
    const large = new RequestTurns().large('a', receiver, async () => void (hasBegun = true))
    expect(hasBegun).to.equal(true)
    await large
  })

  it('take a slice of each turn of the loop, what follows in promises included', async () => {
    const turns = await busyTurns()
    const served: string[] = []
    const all = Promise.all(Array.from({ length: 20 }, () => serve(turns, 'a', served)))
    const perTurn: number[] = []
    while (served.length < 20) {
      const before = served.length
      await nextTurn()
      perTurn.push(served.length - before)
    }
    await all
    // Three take 6 ms; a machine that is busy serves fewer.
    expect(Math.max(...perTurn)).to.be.within(1, 3)
  })

  it('go from user to user, however many requests one has, and in the order of each', async () => {
    const turns = await busyTurns()
    const served: string[] = []
    const requests = [...Array.from({ length: 10 }, (_, i) => ['a', `a${i}`]), ['b', 'b0'], ['b', 'b1']]
    const all = requests.map(async ([user = '', name = '']) => {
      await turns.begin(user, receiver)
      served.push(name)
    })
    await Promise.all(all)
    expect(served.slice(0, 5)).to.deep.equal(['a0', 'b0', 'a1', 'b1', 'a2'])
    expect(served.slice(5)).to.deep.equal(['a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9'])
  })

  it('are few at a time if they are large, and others do not wait for those', async () => {
    const turns = new RequestTurns()
    const finish: (() => void)[] = []
    const work = (): Promise<void> => new Promise((resolve) => finish.push(resolve))
    const large = Array.from({ length: 6 }, () => turns.large('a', receiver, work))
    await manyTurns()
    expect(finish.length).to.equal(4)
    await turns.begin('a', receiver)
    finish[0]?.()
    await large[0]
    await manyTurns()
    expect(finish.length).to.equal(5)
    for (let i = 1; i < 6; i++) {
      await manyTurns()
      finish[i]?.()
    }
    await Promise.all(large)
  })

  it('are refused if they are large and have waited too long', async () => {
    const turns = new RequestTurns()
    const finish: (() => void)[] = []
    const work = (): Promise<void> => new Promise((resolve) => finish.push(resolve))
    const running = Array.from({ length: 4 }, () => turns.large('a', receiver, work))
    await manyTurns()
    const late = turns.large('b', receiver, work).catch((error: unknown) => error)
    const { now } = performance
    performance.now = () => now.call(performance) + 11_000
    try {
      for (const end of finish) end()
      expect(await late).to.include({ code: 'NODE_FULL', retry: true })
    } finally {
      performance.now = now
    }
    await Promise.all(running)
  })

  it('go on before others begin', async () => {
    const turns = await busyTurns()
    const order: string[] = []
    const begins = turns.begin('a', receiver)?.then(() => order.push('begins'))
    const goesOn = turns.goOn()?.then(() => order.push('goes on'))
    await Promise.all([begins, goesOn])
    expect(order).to.deep.equal(['goes on', 'begins'])
  })

  it('are refused beyond a number, of one user sooner than of all', async () => {
    const turns = await busyTurns()
    const refusal = (user: string): unknown => {
      try {
        return turns.begin(user, receiver)
      } catch (error) {
        return error
      }
    }
    for (let i = 0; i < 10_000; i++) void turns.begin('a', receiver)
    expect(refusal('a')).to.include({ code: 'TOO_MANY_REQUESTS', retry: true })
    for (let i = 0; i < 10_000; i++) void turns.begin(`b${i % 2}`, receiver)
    expect(refusal('c')).to.include({ code: 'NODE_FULL', retry: true })
    expect(turns.waiting).to.equal(20_000)
    // What waits for one who leaves waits no more.
    turns.leave('a', receiver)
    expect(turns.waiting).to.equal(10_000)
    expect(refusal('c')).to.be.instanceOf(Promise)
  })

  it('are given up when their receiver leaves, those of others are not', async () => {
    const turns = await busyTurns()
    const [served, leaving] = [[] as string[], {}]
    const gone = serve(turns, 'a', served, leaving)
    const stays = serve(turns, 'a', served)
    turns.leave('a', leaving)
    expect(turns.waiting).to.equal(1)
    await gone
    await stays
    expect(turns.waiting).to.equal(0)
  })
})
