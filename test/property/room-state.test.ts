import { expect } from 'chai'
import fc from 'fast-check'
import type { Scheduler } from 'fast-check'
import { withinTimeBudget } from '../support/time-budget.ts'
import { createScriptedNode } from '../support/scripted-node.ts'
import type { ScriptedNode } from '../support/scripted-node.ts'

const CLIENTS = 3
const RUNS = 300
const TIME_MS = 2_500

/** An event of the scenario. A failing test shows its name. */
class Event {
  readonly name: string
  readonly apply: (node: ScriptedNode) => void

  constructor(name: string, apply: (node: ScriptedNode) => void) {
    this.name = name
    this.apply = apply
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

/** No client may notice these, in any combination, because listeners are notified of each interruption. */
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
      .constantFrom('request-lost' as const, 'reply-lost' as const)
      .map((failure) => new Event(`next call: ${failure}`, (node) => node.scripted.failNext(failure))),
  },
  { weight: 1, arbitrary: fc.constant(new Event('cut', (node) => node.scripted.cut())) },
  { weight: 2, arbitrary: fc.constant(new Event('restore', (node) => node.scripted.restore())) },
]

/** Not combined with logs that lose entries: a closed room forgets what it would compare them with. */
const TIME_PASSES = {
  weight: 1,
  arbitrary: fc.constant(new Event('5 s pass', (node) => node.passTime())),
}

/** A notice lost silently is detected when the next one arrives, or when heads are checked. */
const LOST_SILENTLY = [
  { weight: 3, arbitrary: publish(0) },
  { weight: 1, arbitrary: fc.constant(new Event('check heads', (node) => void node.checkHeads())) },
]

const trim = fc
  .nat({ max: 3 })
  .map((size) => new Event(`trim to ${size}`, (node) => node.scripted.trim(size)))

const newLog = fc.constant(new Event('new log', (node) => node.scripted.loseAll()))

const loseLast = fc.integer({ min: 1, max: 3 }).map(
  (count) =>
    new Event(`lose the last ${count}`, (node) => {
      if (node.canDetectLoss()) node.scripted.loseLast(count)
    }),
)

const often = (arbitrary: fc.Arbitrary<Event>) => ({ weight: 3, arbitrary })

const eventsOf = (...more: readonly { weight: number; arbitrary: fc.Arbitrary<Event> }[]) =>
  fc.array(fc.oneof(...HARMLESS, ...more), { maxLength: 40, size: 'max' })

/** Runs the events interleaved with everything they cause, and checks the promises once nothing is pending. */
async function runEvents(
  scheduler: Scheduler,
  windowMs: number,
  events: readonly Event[],
  checkHeads = true,
): Promise<ScriptedNode> {
  const node = createScriptedNode(scheduler, CLIENTS, windowMs)
  try {
    const items = events.map((event) => ({ label: event.name, builder: async () => event.apply(node) }))
    scheduler.scheduleSequence(items)
    await node.settle()
    node.scripted.recover()
    if (checkHeads) {
      void node.checkHeads()
      await node.settle()
    }
    for (const [index, observer] of node.observers.entries())
      if (!observer.isJoined) node.subscribe(index, 'own')
    await node.settle()
    expectPromisesKept(node)
    await node.endAll()
    expect(node.scripted.listeners(), 'subscriptions without a client').to.equal(0)
    expect(node.rooms.all()).to.be.empty
    return node
  } finally {
    node.close()
  }
}

function expectPromisesKept({ observers, scripted }: ScriptedNode): void {
  for (const observer of observers) {
    expect(observer.faults).to.be.empty
    expect(observer.isJoined, 'joined').to.equal(true)
    expect(observer.position).to.deep.equal(scripted.head())
    for (const [offset, notice] of observer.received) expect(notice).to.equal(scripted.written()[offset - 1])
  }
}

describe('local room, for any events in any order', () => {
  const scheduled = (events: fc.Arbitrary<Event[]>) =>
    [fc.scheduler(), fc.constantFrom(0, 20), events] as const
  const runWithinBudget = () =>
    withinTimeBudget(TIME_MS, async (scheduler: Scheduler, windowMs: number, events: Event[]) => {
      await runEvents(scheduler, windowMs, events)
    })

  it('delivers everything to each client once, in order and without a gap, when connections fail', async () => {
    const check = withinTimeBudget(
      TIME_MS,
      async (scheduler: Scheduler, windowMs: number, events: Event[]) => {
        const { observers } = await runEvents(scheduler, windowMs, events, false)
        expect(observers.map(({ gaps }) => gaps)).to.deep.equal([0, 0, 0])
      },
    )
    await fc.assert(fc.asyncProperty(...scheduled(eventsOf(TIME_PASSES)), check), { numRuns: RUNS })
  })

  it('does so once heads are checked, when notices are lost silently', async () => {
    const check = withinTimeBudget(
      TIME_MS,
      async (scheduler: Scheduler, windowMs: number, events: Event[]) => {
        const { observers } = await runEvents(scheduler, windowMs, events)
        expect(observers.map(({ gaps }) => gaps)).to.deep.equal([0, 0, 0])
      },
    )
    await fc.assert(fc.asyncProperty(...scheduled(eventsOf(...LOST_SILENTLY, TIME_PASSES)), check), {
      numRuns: RUNS,
    })
  })

  it('continues where the log does, after a gap, when logs are trimmed or replaced', async () => {
    const events = eventsOf(
      ...LOST_SILENTLY,
      often(trim),
      often(newLog),
      often(subscribe('foreign', 'ahead')),
    )
    await fc.assert(fc.asyncProperty(...scheduled(events), runWithinBudget()), { numRuns: RUNS })
  })

  it('leaves no client with notices that the log lost, when offsets are used again', async () => {
    const events = eventsOf(...LOST_SILENTLY, often(loseLast), often(newLog))
    await fc.assert(fc.asyncProperty(...scheduled(events), runWithinBudget()), { numRuns: RUNS })
  })
})
