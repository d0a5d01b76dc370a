import { expect } from 'chai'
import fc from 'fast-check'
import type { Broker } from '../../server/broker/broker.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { MessageName } from '../../shared/message.ts'
import type { Recall } from '../../shared/recall.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { BrokerModel, keyOf } from '../support/broker-model.ts'
import { expectChain, storedEntries } from '../support/chain.ts'
import { BROKER_FIXTURES } from '../support/brokers.ts'
import type { BrokerFixture } from '../support/brokers.ts'
import { withinTimeBudget } from '../support/time-budget.ts'
import { waitUntil } from '../support/wait.ts'

const TIMEOUT_MS = 2_000
const RUNS = 40
const TIME_MS = 4_000
const HOUR_MS = 3_600_000
/** Close enough to each other that repeats are frequent; the last is the latest time that a webhook can carry. */
const TIMES_MS = [1, 1_000, HOUR_MS, HOUR_MS + 1, 2 * HOUR_MS, 8_640_000_000_000_000]
const SEQS = [1, 2, 3, 4, 10 ** 15 + 1, Number.MAX_SAFE_INTEGER]
/** As many: what a message is called outside of groups. Some are what a store calls something else. */
const KEYS = ['1_1_1', '1', 'ended', 'dropped', 'key:1', '\u{10FFFF}:%*']

/**
 * Two groups, the first with two topics, a conversation of two and an official account. The indices below refer to this order,
 * followed by the feed.
 */
const conversationsOf = (run: number): Conversation[] => [
  { group: `g${run}` },
  { group: `g${run}`, topic: 't' },
  { group: `g${run}`, topic: 'u:*' },
  { group: `h${run}` },
  { c2c: ['Ann', `g${run}`] },
  { official: `g${run}` },
]
const CONVERSATIONS = 6

/** Returns what stands for a message in a conversation: the same draw is a number in a group, and a key elsewhere. */
const namesIn = ({ group }: Conversation, indices: readonly number[]): MessageName[] =>
  indices.map((index) => at<MessageName>(group === undefined ? KEYS : SEQS, index))

const GROUPS = 4
const ROOMS = CONVERSATIONS + 1

/** A broker, the model of what it should do, and what its listeners received. */
interface World {
  readonly fixture: BrokerFixture
  readonly historySize: number
  readonly conversations: readonly Conversation[]
  readonly rooms: readonly Room[]
  readonly model: BrokerModel
  readonly received: Map<Room, { notice: Notice; epoch: string }[]>
  readonly expected: Map<Room, { notice: Notice; epoch: string }[]>
  readonly formerEpochs: Map<Room, string[]>
  broker: Broker
}

/** One call or one event; a failure shows its name. */
class Step {
  readonly name: string
  readonly run: (world: World) => Promise<void>

  constructor(name: string, run: (world: World) => Promise<void>) {
    this.name = name
    this.run = run
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

async function subscribeAll(world: World): Promise<void> {
  for (const room of world.rooms) {
    const received = world.received.get(room) ?? []
    world.received.set(room, received)
    await world.broker.subscribe(room, {
      onNotice: (notice, epoch) => received.push({ notice, epoch }),
      onInterrupted: () => undefined,
    })
  }
}

/** Waits for everything published to arrive, and compares it with what should. */
async function expectReceived({ rooms, received, expected }: World): Promise<void> {
  for (const room of rooms) {
    const [actual, due] = [received.get(room) ?? [], expected.get(room) ?? []]
    await waitUntil('every notice arrives', () => actual.length >= due.length)
    expect(actual).to.deep.equal(due)
  }
}

/** Compares what is stored of each log, and expects that a chain runs through it that begins where there was another epoch. */
async function expectStored({ broker, rooms, model, historySize }: World): Promise<void> {
  for (const room of rooms) {
    const stored = await storedEntries(broker, room)
    const before = model.head(room).offset - model.notices(room).length
    const expected = model.history(
      room,
      { ...model.head(room), offset: stored[0] ? stored[0].offset - 1 : 0 },
      historySize,
    )
    const own = stored.filter(({ offset }) => offset > before)
    if (expected.gap === undefined)
      expect(own.map(({ notice }) => notice)).to.deep.equal(
        expected.notices.filter(({ offset }) => offset > before),
      )
    expectChain(stored)
    // Each names the epoch with which it begins, and no other begins with that one.
    const begun = stored.flatMap(({ link }) => link?.epoch ?? [])
    expect(new Set(begun).size).to.equal(begun.length)
  }
}

const message = fc.nat({ max: SEQS.length - 1 })
const messages = fc.uniqueArray(message, { minLength: 1 })
const recall = fc.record({
  place: fc.nat({ max: CONVERSATIONS - 1 }),
  messages,
  time: fc.constantFrom(...TIMES_MS),
  untimed: fc.boolean(),
  operator: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
})

const publish = recall.map(
  ({ place, messages: recalled, time, untimed, operator }) =>
    new Step(`publish ${recalled.join()} of ${place} at ${untimed ? 'about ' : ''}${time}`, async (world) => {
      const { broker, model, conversations, rooms, expected } = world
      const published: Recall = {
        ...at(conversations, place),
        messages: namesIn(at(conversations, place), recalled).map((name, i) => {
          if (typeof name === 'string') return { key: name }
          return i % 2 === 0 ? { seq: name } : { seq: name, id: `id-${name}` }
        }),
        recalledAtMs: time,
        ...(untimed && { untimed: true as const }),
        ...(operator !== undefined && { operator }),
        receivedAtMs: 5,
      }
      const outcome = model.publish(published)
      expect(await broker.publish(published, TIMEOUT_MS)).to.deep.equal(outcome)
      for (const { room, position } of outcome.positions) {
        const known = rooms.find((one) => JSON.stringify(one) === JSON.stringify(room)) ?? room
        const notice = at(model.notices(known), model.notices(known).length - 1)
        expected.set(known, [...(expected.get(known) ?? []), { notice, epoch: position.epoch }])
      }
    }),
)

const heads = fc.array(fc.nat({ max: ROOMS - 1 })).map(
  (places) =>
    new Step(`heads of ${places.join()}`, async ({ broker, model, rooms }) =>
      expectEqual(
        await broker.heads(places.map((place) => at(rooms, place))),
        places.map((place) => model.head(at(rooms, place))),
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
        async (world) => {
          const { broker, model, rooms, formerEpochs } = world
          const room = at(rooms, place)
          const end = model.head(room)
          const [former = 'never'] = formerEpochs.get(room) ?? []
          const ofEpoch = epoch === 'own' ? end.epoch : epoch === 'former' ? former : 'another'
          // The model does not know what the feed held before this run.
          const first = end.offset - model.notices(room).length
          let since = { epoch: ofEpoch, offset: Math.max(first, end.offset - back) }
          for (;;) {
            const { resume, ...page } = { resume: undefined, ...(await broker.history(room, since, limit)) }
            expect(page).to.deep.equal(model.history(room, since, limit))
            expect(resume !== undefined).to.equal(page.gap === 'epoch-changed')
            if (resume) {
              expect(resume.epoch).to.equal(end.epoch)
              expect(resume.offset).to.be.within(0, end.offset)
            }
            if (page.gap !== undefined || page.notices.length === 0) return
            since = { ...since, offset: since.offset + page.notices.length }
          }
        },
      ),
  )

const recalled = fc
  .tuple(fc.nat({ max: CONVERSATIONS - 1 }), fc.array(message))
  .map(
    ([place, requested]) =>
      new Step(`recalled ${requested.join()} of ${place}`, async ({ broker, model, conversations }) =>
        expectEqual(
          await broker.recalled(at(conversations, place), namesIn(at(conversations, place), requested)),
          model.recalled(at(conversations, place), namesIn(at(conversations, place), requested)),
        ),
      ),
  )

const newEpoch = fc.tuple(fc.nat({ max: ROOMS - 1 }), fc.boolean()).map(
  ([place, isLate]) =>
    new Step(
      `new epoch of ${place}${isLate ? ', too late' : ''}`,
      async ({ broker, model, rooms, formerEpochs }) => {
        const room = at(rooms, place)
        const before = model.head(room)
        const [former = 'never'] = formerEpochs.get(room) ?? []
        await broker.newEpoch(room, isLate ? former : before.epoch)
        const [after] = await broker.heads([room])
        if (isLate) return expectEqual(after, before)
        formerEpochs.set(room, [before.epoch, ...(formerEpochs.get(room) ?? [])])
        expect(after?.offset).to.equal(before.offset)
        expect(formerEpochs.get(room)).to.not.include(after?.epoch)
        model.replaceEpoch(room, after?.epoch ?? '')
      },
    ),
)

const endGroup = fc.tuple(fc.nat({ max: GROUPS - 1 }), fc.constantFrom(...TIMES_MS.slice(0, -1))).map(
  ([place, atMs]) =>
    new Step(`end of the group of ${place} at ${atMs}`, async (world) => {
      const { broker, model, conversations, rooms, formerEpochs } = world
      const { group = '' } = at(conversations, place)
      const before = new Map(rooms.map((room) => [room, model.head(room)]))
      const ended = model.endGroup(group, atMs)
      await broker.endGroup(group, atMs)
      for (const room of rooms) {
        const [after] = await broker.heads([room])
        const { epoch = '', offset = 0 } = before.get(room) ?? {}
        expect(after?.offset).to.equal(offset)
        const hadNotices = ended.get(keyOf(room))
        if (hadNotices === undefined) expect(after?.epoch).to.equal(epoch)
        // A topic in which nothing was recalled since the last end: the store need not know of it.
        if (hadNotices === true) expect(after?.epoch).to.not.equal(epoch)
        if (after?.epoch === epoch) continue
        expect(formerEpochs.get(room) ?? []).to.not.include(after?.epoch)
        formerEpochs.set(room, [epoch, ...(formerEpochs.get(room) ?? [])])
        model.replaceEpoch(room, after?.epoch ?? '')
      }
    }),
)

const restart = fc.constant(
  new Step('restart', async (world) => {
    await expectReceived(world)
    await world.broker.stop()
    world.broker = world.fixture.create({ historySize: world.historySize })
    await world.broker.start()
    await subscribeAll(world)
  }),
)

const expectEqual = (actual: unknown, expected: unknown): void => void expect(actual).to.deep.equal(expected)

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: publish },
    { weight: 2, arbitrary: heads },
    { weight: 5, arbitrary: history },
    { weight: 2, arbitrary: recalled },
    { weight: 1, arbitrary: newEpoch },
    { weight: 2, arbitrary: endGroup },
    { weight: 1, arbitrary: restart },
  ),
  { maxLength: 25, size: 'max' },
)

for (const [kind, openFixture] of Object.entries(BROKER_FIXTURES)) {
  describe(`${kind} broker, for any sequence of calls`, () => {
    let fixture: BrokerFixture
    let runs = 0

    before(async () => void (fixture = await openFixture()))
    after(() => fixture.close())

    it('behaves like a model in memory and delivers everything once, in order', async () => {
      const check = withinTimeBudget(TIME_MS, async (historySize: number, sequence: Step[]) => {
        const conversations = conversationsOf(++runs)
        const rooms = [...conversations, FEED]
        const model = new BrokerModel(historySize)
        const broker = fixture.create({ historySize })
        const [received, expected, formerEpochs] = [new Map(), new Map(), new Map()]
        const world = {
          fixture,
          historySize,
          conversations,
          rooms,
          model,
          received,
          expected,
          formerEpochs,
          broker,
        }
        await broker.start()
        try {
          for (const [i, position] of (await broker.heads(rooms)).entries())
            model.adopt(at(rooms, i), position)
          await subscribeAll(world)
          for (const step of sequence) await step.run(world)
          await expectReceived(world)
          await expectStored(world)
        } finally {
          await world.broker.stop()
        }
      })
      await fc.assert(fc.asyncProperty(fc.constantFrom(3, 100), steps, check), { numRuns: RUNS })
    })
  })
}
