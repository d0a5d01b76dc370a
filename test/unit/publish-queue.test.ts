import { expect } from 'chai'
import type { Addressed } from '../../server/broker/redis/publish-queue.ts'
import { createPublishQueue } from '../../server/broker/redis/publish-queue.ts'
import { createManualClock } from '../support/manual-clock.ts'
import type { Position } from '../../shared/position.ts'

const addressed = (seq: number, messages = 1): Addressed => ({
  recall: {
    group: 'g',
    messages: Array.from({ length: messages }, (_, i) => ({ seq: seq + i })),
    recalledAtMs: 1,
    receivedAtMs: 1,
  },
  rooms: [{ group: 'g' }],
  names: ['group:g'],
})
const at = (offset: number): Position[] => [{ epoch: 'e', offset }]

/** A queue whose calls the test completes. */
function setUp() {
  const calls: {
    readonly seqs: number[]
    readonly resolve: (results: Position[][]) => void
    readonly fail: (error: Error) => void
  }[] = []
  const clock = createManualClock()
  const publish = createPublishQueue(
    (batch) =>
      new Promise((resolve, fail) => {
        calls.push({ seqs: batch.map(({ recall }) => recall.messages[0]?.seq ?? 0), resolve, fail })
      }),
    () => 1,
    clock,
  )
  /** Completes the latest call after a while. */
  const completeAfter = async (ms: number) => {
    clock.advance(ms)
    const { seqs = [], resolve } = calls.at(-1) ?? {}
    resolve?.(seqs.map((seq) => at(seq)))
    await turn()
  }
  return { calls, publish, clock, completeAfter }
}

/** Resolves after this turn of the event loop and the next one. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('publish queue', () => {
  it('sends the recalls of one turn in one call, and those that arrive meanwhile in the next', async () => {
    const { calls, publish, completeAfter } = setUp()
    const first = [publish(addressed(1)), publish(addressed(2))]
    await turn()
    const second = [publish(addressed(3)), publish(addressed(4))]
    await turn()
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1, 2]])
    await completeAfter(5)
    expect(await Promise.all(first)).to.deep.equal([at(1), at(2)])
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([
      [1, 2],
      [3, 4],
    ])
    calls[1]?.resolve([at(3), []])
    expect(await Promise.all(second)).to.deep.equal([at(3), []])
  })

  it('never delays a single recall, however many preceded it one by one', async () => {
    const { calls, publish, completeAfter } = setUp()
    for (const seq of [1, 2, 3]) {
      void publish(addressed(seq))
      await turn()
      await completeAfter(0)
    }
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1], [2], [3]])
  })

  it('batches concurrent recalls for 5 ms, or until there are 16', async () => {
    const { calls, publish, clock, completeAfter } = setUp()
    void publish(addressed(1))
    void publish(addressed(2))
    await turn()
    await completeAfter(1)
    void publish(addressed(3))
    clock.advance(3)
    await turn()
    expect(calls).to.have.length(1)
    clock.advance(1)
    await turn()
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1, 2], [3]])

    for (const seq of [4, 5]) void publish(addressed(seq))
    await completeAfter(0)
    expect(calls.at(-1)?.seqs).to.deep.equal([4, 5])
    await completeAfter(0)
    for (let seq = 6; seq < 21; seq++) void publish(addressed(seq))
    await turn()
    expect(calls).to.have.length(3)
    void publish(addressed(21))
    await turn()
    expect(calls.at(-1)?.seqs).to.have.length(16)
    expect(clock.pending()).to.equal(0)
  })

  it('delays neither recalls left over from a full call nor those published immediately', async () => {
    const { calls, publish, completeAfter } = setUp()
    for (const seq of [1, 2, 3]) void publish(addressed(seq, 500))
    await turn()
    await completeAfter(0)
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1, 2], [3]])
    void publish(addressed(4))
    void publish(addressed(5))
    await completeAfter(0)
    await completeAfter(0)
    void publish(addressed(6))
    await turn()
    expect(calls).to.have.length(3)
    void publish(addressed(7), true)
    await turn()
    expect(calls.at(-1)?.seqs).to.deep.equal([6, 7])
  })

  it('limits the recalls and messages of a call, and sends a large recall alone', async () => {
    const { calls, publish, completeAfter } = setUp()
    const all = [
      publish(addressed(1, 999)),
      publish(addressed(1_001, 2)),
      ...Array.from({ length: 70 }, () => publish(addressed(5))),
    ]
    await turn()
    for (let i = 0; i < 3; i++) await completeAfter(5)
    await Promise.all(all)
    expect(calls.map(({ seqs }) => seqs.length)).to.deep.equal([1, 64, 7])
  })

  it('fails everything queued behind a failed call immediately, and then continues', async () => {
    const { calls, publish } = setUp()
    const doomed = [publish(addressed(1))]
    await turn()
    doomed.push(publish(addressed(2)))
    calls[0]?.fail(new Error('unavailable'))
    const outcomes = await Promise.allSettled(doomed)
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    expect(calls).to.have.length(1)
    const later = publish(addressed(3))
    await turn()
    calls[1]?.resolve([at(1)])
    expect(await later).to.deep.equal(at(1))
  })

  it('rejects only the recalls beyond the last result of a call', async () => {
    const { calls, publish } = setUp()
    const all = [publish(addressed(1)), publish(addressed(2)), publish(addressed(3))]
    await turn()
    calls[0]?.resolve([at(1)])
    const [stored, ...others] = await Promise.allSettled(all)
    expect(stored).to.deep.equal({ status: 'fulfilled', value: at(1) })
    for (const other of others) {
      expect(other.status === 'rejected' && other.reason).to.have.property('code', 'BROKER_UNAVAILABLE')
    }
  })

  it('queues at most 20,000 recalls', async () => {
    const { publish } = setUp()
    void publish(addressed(1))
    await turn()
    for (let i = 0; i < 20_000; i++) void publish(addressed(2))
    const refused = await publish(addressed(3)).catch((error: unknown) => error)
    expect(refused).to.have.property('code', 'BROKER_UNAVAILABLE')
  })
})
