import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { createRecallClient } from '../../shared/client.ts'
import type {
  MemberNotice,
  Notice,
  Position,
  PositionStore,
  RecallClient,
  Room,
  Subscription,
} from '../../shared/client.ts'
import { startFakeGateway } from '../support/fake-gateway.ts'
import { fixRandom } from '../support/random.ts'
import { withinTimeBudget } from '../support/time-budget.ts'
import { waitUntil } from '../support/wait.ts'

const RUNS = 200
const TIME_MS = 8_000

/** How a listener deals with a notice. Those that leave do so while they handle the first that they receive. */
const MANNERS = [
  'returns',
  'is slow',
  'waits to be released',
  'throws at first',
  'rejects at first',
  'never succeeds',
  'never settles',
  'leaves',
  'leaves when it is done',
  'leaves and never finishes',
  'subscribes again',
  'subscribes another',
  'closes the client',
  'reconnects',
  'loads',
  'fails to load at first',
] as const
type Manner = (typeof MANNERS)[number]
const HANGS: readonly Manner[] = ['never settles', 'leaves and never finishes']

type Gateway = Awaited<ReturnType<typeof startFakeGateway>>

/** An application: one session after the other, on one store. Notes every fault. */
class Application {
  readonly faults: string[] = []
  readonly #gateway: Gateway
  readonly room: Room
  stored: Position
  client: RecallClient
  subscriptions: Subscription[] = []
  /** Whether a listener of this session may never return. */
  hangs = false
  readonly #store: PositionStore
  readonly #finished = new Set<string>()
  /** Up to where gaps and loads have been dealt with. */
  readonly #covered: Position[] = []
  #gapFailures = 0
  #waiting: (() => void)[] = []
  #isOver = false

  constructor(gateway: Gateway, room: Room, isAsynchronous: boolean) {
    this.#gateway = gateway
    this.room = room
    this.stored = gateway.position(room)
    this.#store = isAsynchronous
      ? {
          load: () => delay(1).then(() => this.stored),
          save: (_, position) => delay(position.offset % 3).then(() => this.#save(position)),
        }
      : { load: () => this.stored, save: (_, position) => this.#save(position) }
    this.client = this.#open()
  }

  #open(): RecallClient {
    const client = createRecallClient({
      url: this.#gateway.url,
      auth: { token: 'x' },
      positions: this.#store,
    })
    client.on('error', () => undefined)
    client.on('gap', async ({ position }) => {
      if (++this.#gapFailures % 2 === 1) throw new Error('cannot reload')
      await immediate()
      this.#covered.push(position)
    })
    return client
  }

  #save(position: Position): void {
    const { epoch, offset } = position
    const before = this.stored
    const isCovered = (at: number): boolean =>
      this.#covered.some((covered) => covered.epoch === epoch && covered.offset >= at)
    if (epoch !== before.epoch) {
      if (Number(epoch.slice(1)) < Number(before.epoch.slice(1))) this.faults.push('back to an earlier epoch')
      if (!isCovered(offset) && !this.#covered.some((covered) => covered.epoch === epoch))
        this.faults.push(`to ${epoch} without a gap`)
    } else {
      if (offset < before.offset) this.faults.push(`back from ${before.offset} to ${offset}`)
      for (let i = before.offset + 1; i <= offset; i++)
        if (!isCovered(i) && !this.#finished.has(`${epoch}:${i}`)) this.faults.push(`past ${epoch}:${i}`)
    }
    this.stored = position
  }

  subscribe(manner: Manner): void {
    if (HANGS.includes(manner)) this.hangs = true
    let last = -1
    let failures = 0
    let subscription: Subscription | undefined
    const finish = ({ offset }: Pick<Notice, 'offset'>): void => {
      // An epoch continues the offsets of the one before.
      const follows =
        last === -1 || offset === last + 1 || this.#covered.some((gap) => gap.offset === offset - 1)
      if (offset <= last || !follows) this.faults.push(`${offset} after ${last}: ${manner}`)
      last = offset
      this.#finished.add(`${this.#epochOf(offset)}:${offset}`)
    }
    const leaveNow = (): void => subscription?.leave()
    const listener = (notice: Notice<Room> | MemberNotice<Room>): unknown => {
      switch (this.#isOver ? 'returns' : manner) {
        case 'is slow':
          return delay(1).then(() => finish(notice))
        case 'waits to be released':
          return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => finish(notice))
        case 'throws at first':
          if (++failures % 2 === 1) throw new Error('not now')
          break
        case 'rejects at first':
          if (++failures % 2 === 1) return immediate().then(() => Promise.reject(new Error('not now')))
          break
        case 'never succeeds':
          throw new Error('never')
        case 'never settles':
          return new Promise(() => undefined)
        case 'leaves':
          leaveNow()
          break
        case 'leaves when it is done':
          return immediate()
            .then(() => finish(notice))
            .then(leaveNow)
        case 'leaves and never finishes':
          leaveNow()
          return new Promise(() => undefined)
        case 'subscribes again':
          leaveNow()
          this.subscribe('returns')
          break
        case 'subscribes another':
          this.subscribe('is slow')
          break
        case 'closes the client':
          this.nextSession()
          break
        case 'reconnects':
          this.client.connect()
          break
        case 'loads':
        case 'fails to load at first':
        case 'returns':
      }
      return finish(notice)
    }
    const load = async (position: Position): Promise<void> => {
      await immediate()
      if (manner === 'fails to load at first' && ++failures % 2 === 1) throw new Error('not now')
      this.#covered.push(position)
      last = position.offset
    }
    const loads = manner === 'loads' || manner === 'fails to load at first'
    subscription = this.client.subscribe(this.room, listener, loads ? { load } : {})
    this.subscriptions.push(subscription)
  }

  /** The log's epochs follow each other, and each notice was published under one of them. */
  readonly #published = new Map<number, string>()

  #epochOf(offset: number): string {
    return this.#published.get(offset) ?? 'unknown'
  }

  publish(): void {
    const { epoch, offset } = this.#gateway.position(this.room)
    this.#published.set(offset + 1, epoch)
    this.#gateway.publish(this.room)
  }

  nextSession(): void {
    this.client.close()
    this.subscriptions = []
    this.hangs = false
    this.client = this.#open()
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** One last session, with a listener that works, until it is where the log ends. */
  async end(): Promise<void> {
    this.#isOver = true
    this.release()
    // Nothing waits for another notice.
    if (!this.hangs)
      await waitUntil('it is live', () => this.client.state.kind === 'live').catch(() =>
        this.faults.push(`not live, but ${JSON.stringify(this.client.state)}`),
      )
    this.nextSession()
    this.release()
    this.subscribe('returns')
    this.publish()
    await waitUntil('the last position is stored', () => this.#isAtEnd()).catch(() =>
      this.faults.push(`stuck at ${JSON.stringify(this.stored)}`),
    )
    await waitUntil('it is live', () => this.client.state.kind === 'live').catch(() =>
      this.faults.push(`in the end ${this.client.state.kind}`),
    )
    if (this.#gateway.count(this.room) !== 1)
      this.faults.push(`${this.#gateway.count(this.room)} sockets in the room`)
    this.client.close()
  }

  #isAtEnd(): boolean {
    const { epoch, offset } = this.#gateway.position(this.room)
    return this.stored.epoch === epoch && this.stored.offset === offset
  }
}

class Step {
  readonly name: string
  readonly run: (application: Application, gateway: Gateway) => unknown

  constructor(name: string, run: Step['run']) {
    this.name = name
    this.run = run
  }

  toString(): string {
    return this.name
  }
}

const always = (name: string, run: Step['run']) => fc.constant(new Step(name, run))

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.integer({ min: 1, max: 5 }).map(
      (count) =>
        new Step(`publish ${count}`, (application) => {
          for (let i = 0; i < count; i++) application.publish()
        }),
    ),
  },
  {
    weight: 6,
    arbitrary: fc
      .constantFrom('returns', 'waits to be released', ...MANNERS)
      .map((manner) => new Step(`subscribe: ${manner}`, (application) => application.subscribe(manner))),
  },
  {
    weight: 4,
    arbitrary: fc
      .nat({ max: 4 })
      .map(
        (index) =>
          new Step(`leave ${index}`, ({ subscriptions }) =>
            subscriptions[index % subscriptions.length]?.leave(),
          ),
      ),
  },
  {
    weight: 2,
    arbitrary: always('leave all', ({ subscriptions }) => {
      for (const subscription of subscriptions.splice(0)) subscription.leave()
    }),
  },
  { weight: 2, arbitrary: always('next session', (application) => application.nextSession()) },
  { weight: 1, arbitrary: always('reconnect', ({ client }) => client.connect()) },
  { weight: 1, arbitrary: always('cut', (_, gateway) => gateway.cut()) },
  { weight: 2, arbitrary: always('refuse', (_, gateway) => gateway.refuse(1)) },
  { weight: 2, arbitrary: always('late', (_, gateway) => gateway.delay(2)) },
  { weight: 1, arbitrary: always('trim', ({ room }, gateway) => gateway.trim(room)) },
  { weight: 1, arbitrary: always('lose', ({ room }, gateway) => gateway.lose(room)) },
  { weight: 2, arbitrary: always('release', (application) => application.release()) },
  { weight: 2, arbitrary: always('turn', () => immediate()) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(2, 15).map((ms) => new Step(`wait ${ms} ms`, () => delay(ms))),
  },
)

describe('the client, whatever its listeners and the network do', () => {
  // Retries and reconnects follow after some ms, so that other events come before them.
  fixRandom(0.004)
  let gateways: readonly Gateway[]
  let runs = 0
  before(async () => {
    const takes = [0, 1].map((count) => startFakeGateway('/socket.io/', { takes: count }))
    gateways = await Promise.all([startFakeGateway(), ...takes])
  })
  after(() => Promise.all(gateways.map((gateway) => gateway.stop())))

  it('never stores a position that nobody has reached, never moves back, and misses nothing', async () => {
    const check = withinTimeBudget(TIME_MS, async (steps: Step[]) => {
      const gateway = gateways[Math.min(runs % 4, 2)] as Gateway
      const application = new Application(gateway, { group: `g${++runs}` }, runs % 3 === 0)
      for (const each of steps) await each.run(application, gateway)
      await application.end()
      expect(application.faults).to.be.empty
    })
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), check), {
      numRuns: RUNS,
    })
    expect(runs).to.be.above(10)
  })
})
