import { expect } from 'chai'
import fc from 'fast-check'
import type { Broker } from '../../server/broker/broker.ts'
import { asGatewayError } from '../../shared/errors.ts'
import type { Position } from '../../shared/position.ts'
import { MAX_DATE_MS } from '../../shared/recall.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { BROKER_FIXTURES } from '../support/brokers.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

const PUBLISHED = 5
const GROUP = 'a g:*%/群'
const ROOMS: readonly Room[] = [{ group: GROUP }, { group: GROUP, topic: 't' }, { group: 'unused' }, FEED]

const EDGES = [-(2 ** 53) + 1, -2, -1, 0, 1, 2, PUBLISHED, PUBLISHED + 1, 10 ** 15, Number.MAX_SAFE_INTEGER]
const whole = fc.oneof(fc.constantFrom(...EDGES), fc.integer({ min: -3, max: PUBLISHED + 3 }))
/** What a webhook can carry. */
const time = whole.filter((ms) => ms >= 0).map((ms) => Math.min(ms, MAX_DATE_MS))
const room = fc.constantFrom(...ROOMS)
const epoch = fc.constantFrom('own', 'own', '', 'another', ':', 'x'.repeat(100))
const limit = fc.constantFrom(1, 2, PUBLISHED, 1_000)

type Call = (broker: Broker) => Promise<unknown>

const withoutEpoch = ({ offset }: Position) => ({ offset })

const ownEpoch = async (broker: Broker, of: Room): Promise<string> =>
  (await broker.heads([of]))[0]?.epoch ?? ''

const call: fc.Arbitrary<readonly [string, Call]> = fc.oneof(
  fc.tuple(room, whole, limit).map(
    ([of, before, most]) =>
      [
        `historyBefore ${JSON.stringify([of, before, most])}`,
        async (broker: Broker) => {
          const { notices, head } = await broker.historyBefore(of, before, most)
          return { notices, head: withoutEpoch(head) }
        },
      ] as const,
  ),
  fc.tuple(room, epoch, whole, limit).map(
    ([of, name, offset, most]) =>
      [
        `history ${JSON.stringify([of, name, offset, most])}`,
        async (broker: Broker) => {
          const since = { epoch: name === 'own' ? await ownEpoch(broker, of) : name, offset }
          const history = await broker.history(of, since, most)
          const resume = 'resume' in history && history.resume
          return {
            ...history,
            head: withoutEpoch(history.head),
            ...(resume && { resume: withoutEpoch(resume) }),
          }
        },
      ] as const,
  ),
  fc
    .tuple(fc.constantFrom(undefined, 't', 'other'), fc.array(whole))
    .map(
      ([topic, seqs]) =>
        [
          `recalled ${JSON.stringify([topic, seqs])}`,
          (broker: Broker) => broker.recalled({ group: GROUP, ...(topic !== undefined && { topic }) }, seqs),
        ] as const,
    ),
  fc
    .tuple(room, epoch)
    .map(
      ([of, name]) =>
        [
          `newEpoch ${JSON.stringify([of, name])}`,
          async (broker: Broker) => await broker.newEpoch(of, name),
        ] as const,
    ),
  fc
    .array(room)
    .map(
      (rooms) =>
        [
          `heads ${JSON.stringify(rooms)}`,
          async (broker: Broker) => (await broker.heads(rooms)).map(withoutEpoch),
        ] as const,
    ),
  fc
    .record({
      seqs: fc.uniqueArray(whole.filter((seq) => seq > 0)),
      recalledAtMs: time,
      untimed: fc.boolean(),
    })
    .map(
      ({ seqs, recalledAtMs, untimed }) =>
        [
          `publish ${JSON.stringify([seqs, recalledAtMs, untimed])}`,
          async (broker: Broker) => {
            const messages = seqs.map((seq) => ({ seq }))
            const recall = {
              group: 'h',
              messages,
              recalledAtMs,
              receivedAtMs: 5,
              ...(untimed && { untimed }),
            }
            const { duplicate, positions } = await broker.publish(recall, 2_000)
            return { duplicate, offsets: positions.map(({ position }) => position.offset) }
          },
        ] as const,
    ),
  time.map((atMs) => [`endGroup ${atMs}`, (broker: Broker) => broker.endGroup('h', atMs)] as const),
)

describe('the brokers, for any input', () => {
  const onCleanUp = cleanUpAfterEach()

  it('answer alike', async () => {
    const brokers: Broker[] = []
    for (const kind of ['embedded', 'redis', 'redis, signed']) {
      const fixture = await BROKER_FIXTURES[kind]?.()
      if (fixture === undefined) throw new Error(`no broker ${kind}`)
      onCleanUp(() => fixture.close())
      const broker = fixture.create()
      await broker.start()
      onCleanUp(() => broker.stop())
      for (let seq = 1; seq <= PUBLISHED; seq++)
        await broker.publish(
          { group: GROUP, topic: 't', messages: [{ seq }], recalledAtMs: seq, receivedAtMs: 5 },
          2_000,
        )
      brokers.push(broker)
    }
    const outcomeOf = async (run: Call, broker: Broker) =>
      await run(broker).catch((error: unknown) => asGatewayError(error).code)
    const property = fc.asyncProperty(fc.array(call, { maxLength: 5 }), async (calls) => {
      for (const [name, run] of calls) {
        const [expected, ...others] = await Promise.all(brokers.map((broker) => outcomeOf(run, broker)))
        for (const other of others) expect(other, name).to.deep.equal(expected)
        expect(expected, name).to.not.be.oneOf(['BROKER_UNAVAILABLE', 'INTERNAL'])
      }
    })
    await fc.assert(property, { numRuns: 500 })
  })
})
