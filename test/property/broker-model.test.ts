import { expect } from 'chai'
import fc from 'fast-check'
import type { Broker } from '../../server/broker/broker.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Conversation, Recall } from '../../shared/recall.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { BrokerModel } from '../support/broker-model.ts'
import { BROKER_HOMES } from '../support/brokers.ts'
import type { BrokerHome } from '../support/brokers.ts'
import { forAtMost } from '../support/for-at-most.ts'
import { until } from '../support/wait.ts'

const WITHIN_MS = 2_000
const RUNS = 40
const TIME_MS = 4_000
const HOUR_MS = 3_600_000
/** Close enough to each other that repeats are frequent; the last one is the latest that a webhook can name. */
const TIMES_MS = [1, 1_000, HOUR_MS, HOUR_MS + 1, 2 * HOUR_MS, 8_640_000_000_000_000]
const SEQS = [1, 2, 3, 4, 10 ** 15 + 1, Number.MAX_SAFE_INTEGER]

/** Two groups, of which the first has two topics, and the feed. `ROOMS` and the places below count in this order. */
const conversationsOf = (run: number): Conversation[] => [
  { group: `g${run}` },
  { group: `g${run}`, topic: 't' },
  { group: `g${run}`, topic: 'u:*' },
  { group: `h${run}` },
]
const CONVERSATIONS = 4
const ROOMS = CONVERSATIONS + 1

/** A broker, what it should do, and whoever listens. */
interface Bench {
  readonly home: BrokerHome
  readonly historySize: number
  readonly conversations: readonly Conversation[]
  readonly rooms: readonly Room[]
  readonly model: BrokerModel
  readonly heard: Map<Room, { notice: Notice; epoch: string }[]>
  readonly expected: Map<Room, { notice: Notice; epoch: string }[]>
  readonly formerEpochs: Map<Room, string[]>
  broker: Broker
}

/** One call, or one thing that happens to the broker; its text is what a failure shows. */
class Step {
  readonly name: string
  readonly take: (bench: Bench) => Promise<void>

  constructor(name: string, take: (bench: Bench) => Promise<void>) {
    this.name = name
    this.take = take
  }

  toString(): string {
    return this.name
  }
}

const at = <T>(list: readonly T[], index: number): T => {
  const item = list[index]
  if (item === undefined) throw new Error(`nothing at ${index}`)
  return item
}

async function listen(bench: Bench): Promise<void> {
  for (const room of bench.rooms) {
    const heard = bench.heard.get(room) ?? []
    bench.heard.set(room, heard)
    await bench.broker.subscribe(room, {
      onNotice: (notice, epoch) => heard.push({ notice, epoch }),
      onInterrupted: () => undefined,
    })
  }
}

/** Waits for what was published to arrive, and holds it against what should. */
async function expectHeard({ rooms, heard, expected }: Bench): Promise<void> {
  for (const room of rooms) {
    const [told, due] = [heard.get(room) ?? [], expected.get(room) ?? []]
    await until('every notice arrives', () => told.length >= due.length)
    expect(told).to.deep.equal(due)
  }
}

const seqs = fc.uniqueArray(fc.constantFrom(...SEQS), { minLength: 1 })
const recall = fc.record({
  place: fc.nat({ max: CONVERSATIONS - 1 }),
  seqs,
  time: fc.constantFrom(...TIMES_MS),
  untimed: fc.boolean(),
  operator: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
})

const publish = recall.map(
  ({ place, seqs: recalled, time, untimed, operator }) =>
    new Step(`publish ${recalled.join()} of ${place} at ${untimed ? 'about ' : ''}${time}`, async (bench) => {
      const { broker, model, conversations, rooms, expected } = bench
      const told: Recall = {
        ...at(conversations, place),
        messages: recalled.map((seq, i) => (i % 2 === 0 ? { seq } : { seq, id: `id-${seq}` })),
        recalledAtMs: time,
        ...(untimed && { untimed: true as const }),
        ...(operator !== undefined && { operator }),
        receivedAtMs: 5,
      }
      const published = model.publish(told)
      expect(await broker.publish(told, WITHIN_MS)).to.deep.equal(published)
      for (const { room, position } of published.positions) {
        const mine = rooms.find((one) => JSON.stringify(one) === JSON.stringify(room)) ?? room
        const notice = at(model.notices(mine), model.notices(mine).length - 1)
        expected.set(mine, [...(expected.get(mine) ?? []), { notice, epoch: position.epoch }])
      }
    }),
)

const top = fc.array(fc.nat({ max: ROOMS - 1 })).map(
  (places) =>
    new Step(`top of ${places.join()}`, async ({ broker, model, rooms }) =>
      expectEqual(
        await broker.heads(places.map((place) => at(rooms, place))),
        places.map((place) => model.top(at(rooms, place))),
      ),
    ),
)

const history = fc
  .record({
    place: fc.nat({ max: ROOMS - 1 }),
    back: fc.integer({ min: -2, max: 12 }),
    limit: fc.integer({ min: 1, max: 5 }),
    epoch: fc.constantFrom('own', 'own', 'own', 'former', 'another'),
  })
  .map(
    ({ place, back, limit, epoch }) =>
      new Step(
        `history of ${place} from ${back} before its end, ${limit} each, ${epoch} epoch`,
        async (bench) => {
          const { broker, model, rooms, formerEpochs } = bench
          const room = at(rooms, place)
          const end = model.top(room)
          const [former = 'never'] = formerEpochs.get(room) ?? []
          const ofEpoch = epoch === 'own' ? end.epoch : epoch === 'former' ? former : 'another'
          // What the feed held before this run is not the model's business.
          const first = end.offset - model.notices(room).length
          let since = { epoch: ofEpoch, offset: Math.max(first, end.offset - back) }
          for (;;) {
            const answer = await broker.history(room, since, limit)
            expect(answer).to.deep.equal(model.history(room, since, limit))
            if (answer.gap !== undefined || answer.notices.length === 0) return
            since = { ...since, offset: since.offset + answer.notices.length }
          }
        },
      ),
  )

const recalled = fc
  .tuple(fc.nat({ max: CONVERSATIONS - 1 }), fc.array(fc.constantFrom(...SEQS)))
  .map(
    ([place, asked]) =>
      new Step(`recalled ${asked.join()} of ${place}`, async ({ broker, model, conversations }) =>
        expectEqual(
          await broker.recalled(at(conversations, place), asked),
          model.recalled(at(conversations, place), asked),
        ),
      ),
  )

const renew = fc.tuple(fc.nat({ max: ROOMS - 1 }), fc.boolean()).map(
  ([place, isLate]) =>
    new Step(
      `renew ${place}${isLate ? ', too late' : ''}`,
      async ({ broker, model, rooms, formerEpochs }) => {
        const room = at(rooms, place)
        const before = model.top(room)
        const [former = 'never'] = formerEpochs.get(room) ?? []
        await broker.newEpoch(room, isLate ? former : before.epoch)
        const [after] = await broker.heads([room])
        if (isLate) return expectEqual(after, before)
        formerEpochs.set(room, [before.epoch, ...(formerEpochs.get(room) ?? [])])
        expect(after?.offset).to.equal(before.offset)
        expect(formerEpochs.get(room)).to.not.include(after?.epoch)
        model.renew(room, after?.epoch ?? '')
      },
    ),
)

const restart = fc.constant(
  new Step('restart', async (bench) => {
    await expectHeard(bench)
    await bench.broker.stop()
    bench.broker = bench.home.create({ historySize: bench.historySize })
    await bench.broker.start()
    await listen(bench)
  }),
)

const expectEqual = (answer: unknown, expected: unknown): void => void expect(answer).to.deep.equal(expected)

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: publish },
    { weight: 2, arbitrary: top },
    { weight: 5, arbitrary: history },
    { weight: 2, arbitrary: recalled },
    { weight: 1, arbitrary: renew },
    { weight: 1, arbitrary: restart },
  ),
  { maxLength: 25, size: 'max' },
)

for (const [kind, openHome] of Object.entries(BROKER_HOMES)) {
  describe(`${kind} broker, for any sequence of calls`, () => {
    let home: BrokerHome
    let runs = 0

    before(async () => void (home = await openHome()))
    after(() => home.close())

    it('does what a model in memory does, and tells who listens everything once, in order', async () => {
      const check = forAtMost(TIME_MS, async (historySize: number, sequence: Step[]) => {
        const conversations = conversationsOf(++runs)
        const rooms = [...conversations, FEED]
        const model = new BrokerModel(historySize)
        const broker = home.create({ historySize })
        const [heard, expected, formerEpochs] = [new Map(), new Map(), new Map()]
        const bench = {
          home,
          historySize,
          conversations,
          rooms,
          model,
          heard,
          expected,
          formerEpochs,
          broker,
        }
        await broker.start()
        try {
          for (const [i, position] of (await broker.heads(rooms)).entries())
            model.adopt(at(rooms, i), position)
          await listen(bench)
          for (const step of sequence) await step.take(bench)
          await expectHeard(bench)
        } finally {
          await bench.broker.stop()
        }
      })
      await fc.assert(fc.asyncProperty(fc.constantFrom(3, 100), steps, check), { numRuns: RUNS })
    })
  })
}
