import { expect } from 'chai'
import type { Addressed } from '../../server/broker/redis/publish-queue.ts'
import { createPublishQueue } from '../../server/broker/redis/publish-queue.ts'
import { createStillClock } from '../support/still-clock.ts'
import type { Position } from '../../shared/position.ts'

const of = (seq: number, messages = 1): Addressed => ({
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

/** A queue in front of calls that are answered by hand. */
function open() {
  const calls: {
    readonly seqs: number[]
    readonly answer: (outcomes: Position[][]) => void
    readonly fail: (error: Error) => void
  }[] = []
  const clock = createStillClock()
  const publish = createPublishQueue(
    (batch) =>
      new Promise((answer, fail) => {
        calls.push({ seqs: batch.map(({ recall }) => recall.messages[0]?.seq ?? 0), answer, fail })
      }),
    clock,
  )
  /** Answers the latest call, after a while. */
  const answerAfter = async (ms: number) => {
    clock.advance(ms)
    const { seqs = [], answer } = calls.at(-1) ?? {}
    answer?.(seqs.map((seq) => at(seq)))
    await turn()
  }
  return { calls, publish, clock, answerAfter }
}

/** After all that this turn, and the next one, bring. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('the queue of recalls for Redis', () => {
  it('sends what comes in one turn in one call, and what comes during a call in the next one', async () => {
    const { calls, publish, answerAfter } = open()
    const first = [publish(of(1)), publish(of(2))]
    await turn()
    const second = [publish(of(3)), publish(of(4))]
    await turn()
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1, 2]])
    await answerAfter(5)
    expect(await Promise.all(first)).to.deep.equal([at(1), at(2)])
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([
      [1, 2],
      [3, 4],
    ])
    calls[1]?.answer([at(3), []])
    expect(await Promise.all(second)).to.deep.equal([at(3), []])
  })

  it('does not let a recall wait that comes alone, however many did before', async () => {
    const { calls, publish, answerAfter } = open()
    for (const seq of [1, 2, 3]) {
      void publish(of(seq))
      await turn()
      await answerAfter(0)
    }
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1], [2], [3]])
  })

  it('gathers what comes in company for 5 ms, and less when 16 are there', async () => {
    const { calls, publish, clock, answerAfter } = open()
    void publish(of(1))
    void publish(of(2))
    await turn()
    await answerAfter(1)
    void publish(of(3))
    clock.advance(3)
    await turn()
    expect(calls).to.have.length(1)
    clock.advance(1)
    await turn()
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1, 2], [3]])

    for (const seq of [4, 5]) void publish(of(seq))
    await answerAfter(0)
    expect(calls.at(-1)?.seqs).to.deep.equal([4, 5])
    await answerAfter(0)
    for (let seq = 6; seq < 21; seq++) void publish(of(seq))
    await turn()
    expect(calls).to.have.length(3)
    void publish(of(21))
    await turn()
    expect(calls.at(-1)?.seqs).to.have.length(16)
    expect(clock.pending()).to.equal(0)
  })

  it('does not let what could not fill a call wait, nor what is to go at once', async () => {
    const { calls, publish, answerAfter } = open()
    for (const seq of [1, 2, 3]) void publish(of(seq, 500))
    await turn()
    await answerAfter(0)
    expect(calls.map(({ seqs }) => seqs)).to.deep.equal([[1, 2], [3]])
    void publish(of(4))
    void publish(of(5))
    await answerAfter(0)
    await answerAfter(0)
    void publish(of(6))
    await turn()
    expect(calls).to.have.length(3)
    void publish(of(7), true)
    await turn()
    expect(calls.at(-1)?.seqs).to.deep.equal([6, 7])
  })

  it('bounds a call by recalls and by messages, and sends a large recall alone', async () => {
    const { calls, publish, answerAfter } = open()
    const all = [
      publish(of(1, 999)),
      publish(of(1_001, 2)),
      ...Array.from({ length: 70 }, () => publish(of(5))),
    ]
    await turn()
    for (let i = 0; i < 3; i++) await answerAfter(5)
    await Promise.all(all)
    expect(calls.map(({ seqs }) => seqs.length)).to.deep.equal([1, 64, 7])
  })

  it('fails what waits behind a call that fails, at once, and goes on with what comes later', async () => {
    const { calls, publish } = open()
    const doomed = [publish(of(1))]
    await turn()
    doomed.push(publish(of(2)))
    calls[0]?.fail(new Error('away'))
    const outcomes = await Promise.allSettled(doomed)
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    expect(calls).to.have.length(1)
    const later = publish(of(3))
    await turn()
    calls[1]?.answer([at(1)])
    expect(await later).to.deep.equal(at(1))
  })

  it('rejects what stands behind the last answer of a call, and nothing before it', async () => {
    const { calls, publish } = open()
    const all = [publish(of(1)), publish(of(2)), publish(of(3))]
    await turn()
    calls[0]?.answer([at(1)])
    const [kept, ...others] = await Promise.allSettled(all)
    expect(kept).to.deep.equal({ status: 'fulfilled', value: at(1) })
    for (const other of others) {
      expect(other.status === 'rejected' && other.reason).to.have.property('code', 'BROKER_UNAVAILABLE')
    }
  })

  it('does not let more than 20,000 recalls wait', async () => {
    const { publish } = open()
    void publish(of(1))
    await turn()
    for (let i = 0; i < 20_000; i++) void publish(of(2))
    const refused = await publish(of(3)).catch((error: unknown) => error)
    expect(refused).to.have.property('code', 'BROKER_UNAVAILABLE')
  })
})
