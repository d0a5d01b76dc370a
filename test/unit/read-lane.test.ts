import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { createOverdueGate } from '../../server/broker/redis/overdue-gate.ts'
import { ReadLane } from '../../server/realtime/rooms/read-lane.ts'
import { GatewayError } from '../../shared/errors.ts'
import { waitUntil } from '../support/wait.ts'

const log = pino({ level: 'silent' })

describe('read lane', () => {
  /** A lane with reads that the test ends. */
  const setUp = () => {
    const lane = new ReadLane(log)
    const running: { readonly id: number; end: () => void; fail: () => void }[] = []
    const started: number[] = []
    const read = (id: number) =>
      lane.run(
        { id },
        () =>
          new Promise<void>((resolve, reject) => {
            started.push(id)
            const done = (settle: () => void) => () => {
              running.splice(running.indexOf(one), 1)
              settle()
            }
            const one = {
              id,
              end: done(resolve),
              fail: done(() => reject(new GatewayError('BROKER_UNAVAILABLE'))),
            }
            running.push(one)
          }),
      )
    return { lane, running, started, read }
  }

  it('runs 32 reads at a time, in order, however many wait', async () => {
    const { running, started, read } = setUp()
    const all = Array.from({ length: 10_000 }, (_, i) => read(i))
    let most = 0
    while (started.length < all.length || running.length > 0) {
      await turn()
      most = Math.max(most, running.length)
      for (const { end } of running.slice()) end()
    }
    await Promise.all(all)
    expect(most).to.equal(32)
    expect(started).to.deep.equal(all.map((_, i) => i))
  })

  it('pauses all after a failure, then continues with one, and doubles with each round', async () => {
    const { lane, running, started, read } = setUp()
    const outcomes = Promise.allSettled(Array.from({ length: 100 }, (_, i) => read(i)))
    await turn()
    for (const { fail } of running.slice()) fail()
    await turn()
    expect(started).to.have.length(32)
    lane.resume()
    await waitUntil('the pause ends', () => running.length > 0)
    for (const most of [1, 2, 4, 8, 16]) {
      expect(running).to.have.length(most)
      for (const { end } of running.slice()) end()
      await turn()
      await turn()
    }
    while (running.length > 0) {
      for (const { end } of running.slice()) end()
      await turn()
    }
    const failed = (await outcomes).filter(({ status }) => status === 'rejected')
    expect(failed).to.have.length(32)
  })
})

describe('read lane with a room that always fails', () => {
  it('lets the others through', async () => {
    const lane = new ReadLane(log)
    const [spoiled, other] = [{}, {}]
    let attempts = 0
    let reads = 0
    let isOver = false
    const failing = (async () => {
      while (!isOver)
        await lane
          .run(spoiled, async () => {
            attempts++
            throw new GatewayError('BROKER_UNAVAILABLE')
          })
          .catch(() => undefined)
    })()
    await turn()
    lane.resume()
    while (attempts < 3) {
      await lane.run(other, async () => reads++)
      await turn()
    }
    const before = reads
    for (let i = 0; i < 100; i++) await lane.run(other, async () => reads++)
    expect(reads).to.equal(before + 100)
    expect(attempts, 'attempts of the room that fails meanwhile').to.be.below(20)
    isOver = true
    lane.resume()
    await failing
  })
})

describe('overdue gate', () => {
  it('sends nothing while a command that got no reply may still run', async () => {
    let sent = 0
    let pings = 0
    let answer: () => void = () => undefined
    const run = createOverdueGate(
      () => {
        pings++
        return new Promise((resolve) => (answer = () => resolve('PONG')))
      },
      () => true,
    )
    const command = async () => {
      sent++
      if (sent === 1) throw new Error('Command timed out')
      return 'reply'
    }
    const first = await run(command).catch((error: unknown) => error)
    expect(first).to.have.property('code', 'BROKER_UNAVAILABLE')
    const second = run(command)
    const third = run(command)
    await turn()
    expect([sent, pings]).to.deep.equal([1, 1])
    answer()
    expect(await Promise.all([second, third])).to.deep.equal(['reply', 'reply'])
    expect(await run(command)).to.equal('reply')
    expect(pings).to.equal(1)
  })

  it('lets commands through once the connection is lost, or after an error that Redis replied', async () => {
    let isConnected = false
    const run = createOverdueGate(
      () => new Promise(() => undefined),
      () => isConnected,
    )
    const failing = (name: string) => () => Promise.reject(Object.assign(new Error('no'), { name }))
    await run(failing('Error')).catch(() => undefined)
    await turn()
    expect(await run(async () => 1)).to.equal(1)
    isConnected = true
    await run(failing('ReplyError')).catch(() => undefined)
    expect(await run(async () => 2)).to.equal(2)
  })
})
