import { expect } from 'chai'
import fc from 'fast-check'
import type { Scheduler } from 'fast-check'
import { forAtMost } from '../support/for-at-most.ts'
import { createScriptedNode } from '../support/scripted-node.ts'
import type { ScriptedNode } from '../support/scripted-node.ts'

const CLIENTS = 3
const RUNS = 300
const TIME_MS = 2_500

/** One thing that happens; its text is what a failure shows. */
class Event {
  readonly name: string
  readonly happen: (node: ScriptedNode) => void

  constructor(name: string, happen: (node: ScriptedNode) => void) {
    this.name = name
    this.happen = happen
  }

  toString(): string {
    return this.name
  }
}

const client = fc.nat({ max: CLIENTS - 1 })

const publish = (...copies: readonly number[]) =>
  fc
    .constantFrom(...copies)
    .map((count) => new Event(`publish, sent ${count} times`, (node) => node.scripted.publish(count)))

const subscribe = (...kinds: readonly ('none' | 'own' | 'earlier' | 'foreign' | 'ahead')[]) =>
  fc
    .tuple(client, fc.constantFrom(...kinds))
    .map(
      ([index, since]) =>
        new Event(`${index} subscribes, since ${since}`, (node) => node.subscribe(index, since)),
    )

/** What no client may notice, however it falls together, since whoever listens is told of each interruption. */
const HARMLESS = [
  { weight: 6, arbitrary: publish(1, 1, 2) },
  { weight: 5, arbitrary: subscribe('none', 'own', 'own', 'earlier') },
  {
    weight: 1,
    arbitrary: client.map((index) => new Event(`${index} unsubscribes`, (node) => node.unsubscribe(index))),
  },
  {
    weight: 2,
    arbitrary: client.map((index) => new Event(`${index} reconnects`, (node) => node.reconnect(index))),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('unheard' as const, 'unanswered' as const)
      .map((failure) => new Event(`next call ${failure}`, (node) => node.scripted.failNext(failure))),
  },
  { weight: 1, arbitrary: fc.constant(new Event('cut', (node) => node.scripted.cut())) },
  { weight: 2, arbitrary: fc.constant(new Event('mend', (node) => node.scripted.mend())) },
]

/** Not where logs lose entries: with the room goes what the node knows of them. */
const TIME_PASSES = {
  weight: 1,
  arbitrary: fc.constant(new Event('5 s pass', (node) => node.passTime())),
}

/** A notice that gets lost in silence shows when the next one comes, or when the ends of logs are compared. */
const LOST_IN_SILENCE = [
  { weight: 3, arbitrary: publish(0) },
  { weight: 1, arbitrary: fc.constant(new Event('compare', (node) => void node.compare())) },
]

const trim = fc
  .nat({ max: 3 })
  .map((keep) => new Event(`trim to ${keep}`, (node) => node.scripted.trim(keep)))

const beginAnew = fc.constant(new Event('begin anew', (node) => node.scripted.beginAnew()))

const loseLast = fc.integer({ min: 1, max: 3 }).map(
  (count) =>
    new Event(`lose the last ${count}`, (node) => {
      if (node.canTellLoss()) node.scripted.loseLast(count)
    }),
)

const often = (arbitrary: fc.Arbitrary<Event>) => ({ weight: 3, arbitrary })

const eventsOf = (...more: readonly { weight: number; arbitrary: fc.Arbitrary<Event> }[]) =>
  fc.array(fc.oneof(...HARMLESS, ...more), { maxLength: 40, size: 'max' })

/** Lets the events happen in between everything that they set off, and holds what is left when all is quiet to the promises. */
async function play(
  scheduler: Scheduler,
  windowMs: number,
  events: readonly Event[],
  comparing = true,
): Promise<ScriptedNode> {
  const node = createScriptedNode(scheduler, CLIENTS, windowMs)
  try {
    const items = events.map((event) => ({ label: event.name, builder: async () => event.happen(node) }))
    scheduler.scheduleSequence(items)
    await node.settle()
    node.scripted.calmDown()
    if (comparing) {
      void node.compare()
      await node.settle()
    }
    for (const [index, ear] of node.ears.entries()) if (!ear.isIn) node.subscribe(index, 'own')
    await node.settle()
    expectKeptPromises(node)
    await node.endAll()
    expect(node.scripted.listeners(), 'rooms that nobody is in').to.equal(0)
    expect(node.rooms.all()).to.be.empty
    return node
  } finally {
    node.close()
  }
}

function expectKeptPromises({ ears, scripted }: ScriptedNode): void {
  for (const ear of ears) {
    expect(ear.faults).to.be.empty
    expect(ear.isIn, 'let in').to.equal(true)
    expect(ear.position).to.deep.equal(scripted.top())
    for (const [offset, notice] of ear.heard) expect(notice).to.equal(scripted.written()[offset - 1])
  }
}

describe('a room of a node, whatever happens in whatever order', () => {
  const scheduled = (events: fc.Arbitrary<Event[]>) =>
    [fc.scheduler(), fc.constantFrom(0, 20), events] as const
  const playForAtMost = () =>
    forAtMost(TIME_MS, async (scheduler: Scheduler, windowMs: number, events: Event[]) => {
      await play(scheduler, windowMs, events)
    })

  it('brings each socket everything once, in order, without a gap, when connections fail', async () => {
    const check = forAtMost(TIME_MS, async (scheduler: Scheduler, windowMs: number, events: Event[]) => {
      const { ears } = await play(scheduler, windowMs, events, false)
      expect(ears.map(({ gaps }) => gaps)).to.deep.equal([0, 0, 0])
    })
    await fc.assert(fc.asyncProperty(...scheduled(eventsOf(TIME_PASSES)), check), { numRuns: RUNS })
  })

  it('does so once the ends of logs are compared, when notices get lost in silence', async () => {
    const check = forAtMost(TIME_MS, async (scheduler: Scheduler, windowMs: number, events: Event[]) => {
      const { ears } = await play(scheduler, windowMs, events)
      expect(ears.map(({ gaps }) => gaps)).to.deep.equal([0, 0, 0])
    })
    await fc.assert(fc.asyncProperty(...scheduled(eventsOf(...LOST_IN_SILENCE, TIME_PASSES)), check), {
      numRuns: RUNS,
    })
  })

  it('goes on where the log does after a gap, when logs are trimmed or begin anew', async () => {
    const events = eventsOf(
      ...LOST_IN_SILENCE,
      often(trim),
      often(beginAnew),
      often(subscribe('foreign', 'ahead')),
    )
    await fc.assert(fc.asyncProperty(...scheduled(events), playForAtMost()), { numRuns: RUNS })
  })

  it('never leaves a socket with notices that the log lost, when offsets are given a second time', async () => {
    const events = eventsOf(...LOST_IN_SILENCE, often(loseLast), often(beginAnew))
    await fc.assert(fc.asyncProperty(...scheduled(events), playForAtMost()), { numRuns: RUNS })
  })
})
