import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { GatewayError } from '../../shared/errors.ts'
import { createProcessAsking } from '../../server/telemetry/ask-processes.ts'
import type { ReadOverview } from '../../server/telemetry/overview.ts'

const overview = (
  ids: readonly string[],
  incomplete?: string,
  unread: readonly string[] = [],
): ReadOverview =>
  (async () => ({
    self: 'self',
    processes: ['self', ...ids].map((id) => ({ id, host: `host-${id}` })),
    gone: [
      { id: 'stopped', lastReportAtMs: Date.now(), stopped: true },
      { id: 'hung', host: 'host-9', lastReportAtMs: Date.now() - 60_000, stopped: false },
    ],
    problems: [],
    incomplete,
    unread,
  })) as unknown as ReadOverview

const QUESTION = { nameOf: (id: string) => `about:${id}`, question: 'what?', decode: Number }

describe('asking all processes', () => {
  it('names who did not answer, who was not asked, and that others are not known', async () => {
    const ids = Array.from({ length: 66 }, (_, i) => String(i))
    const askProcesses = createProcessAsking({
      self: 'self',
      readOverview: overview(ids, 'Redis is away', ['odd']),
      ask: async (name) => {
        if (name === 'about:3') throw new GatewayError('PROCESS_UNREACHABLE')
        return name.slice('about:'.length)
      },
    })
    const { answers, unanswered } = await askProcesses(QUESTION)
    expect(answers.map(({ answer }) => answer))
      .to.include.members([0, 63])
      .and.to.have.lengthOf(63)
    expect(unanswered).to.deep.equal([
      { id: '3', host: 'host-3', why: 'the process that has to answer did not' },
      { id: '64', why: 'not asked: there are too many processes' },
      { id: '65', why: 'not asked: there are too many processes' },
      { id: 'hung', host: 'host-9', why: 'it has not reported for 1 min' },
      {
        id: 'odd',
        why: 'its report cannot be read: its REDIS_SIGNING_KEY is another one, or its version is later',
      },
      { id: 'others', why: 'not known: Redis is away' },
    ])
  })

  it('asks few at a time, however many want to know', async () => {
    const waiting: (() => void)[] = []
    const askProcesses = createProcessAsking({
      self: 'self',
      readOverview: overview(Array.from({ length: 40 }, (_, i) => String(i))),
      ask: () => new Promise((resolve) => waiting.push(() => resolve('1'))),
    })
    let isDone = false
    const all = Promise.all([askProcesses(QUESTION), askProcesses(QUESTION)]).finally(() => (isDone = true))
    await nextTurn()
    expect(waiting).to.have.lengthOf(16)
    while (!isDone) {
      for (const answer of waiting.splice(0)) answer()
      await nextTurn()
      expect(waiting.length).to.be.at.most(16)
    }
    const [one] = await all
    expect(one.answers).to.have.lengthOf(40)
  })
})
