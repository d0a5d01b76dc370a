import { APP, JWT_SECRET, WEBHOOK_TOKEN } from '../../support/gateway-process.ts'
import type { History } from '../history.ts'
import type { FaultStep, Plan, Step, UserSpec } from '../spec.ts'
import { world } from '../world/world.ts'
import { disks } from '../world/stores.ts'
import { net } from '../world/network.ts'
import { OUTSIDE } from '../world/schedule.ts'
import { Backend, BACKEND_PORT, DEFAULT_GRANT_S } from './backend.ts'
import { EVIDENCE_KEY, EvidenceTaker } from './evidence-taker.ts'
import { SimGateway } from './gateway.ts'
import { LibraryUser } from './library-user.ts'
import { Lines } from './lines.ts'
import { Operator } from './operator.ts'
import { PlainUser } from './plain-user.ts'
import { Provider } from './provider.ts'
import { REDIS_PORT, SimRedis } from './redis.ts'
import { StreamUser } from './stream-user.ts'
import type { User } from './user.ts'

/** Whoever was refused tries again so long after everything works again: the refusal may have come late. */
const AGAIN_MS = [0, 5_000, 12_000]
/** An order has ended. */
const AFTER_ORDER_MS = 300

const KINDS = { library: LibraryUser, plain: PlainUser, stream: StreamUser } as const

/** Everything that a run consists of: the gateway's processes, Redis, the provider and the users. */
export class System {
  readonly plan: Plan
  readonly history: History
  readonly lines: Lines
  readonly receivers: readonly SimGateway[]
  readonly nodes: readonly SimGateway[]
  readonly users: readonly User[]
  readonly provider: Provider
  readonly operator: Operator
  readonly backend: Backend
  readonly evidence: EvidenceTaker
  /** Undefined if the gateway runs without Redis. */
  readonly redis: SimRedis | undefined
  readonly folder: string
  #isRestored = false
  /** Whether rights were taken from somebody. */
  #hasRefused = false

  constructor(plan: Plan, history: History, folder: string, log: (line: string) => void) {
    this.plan = plan
    this.history = history
    this.folder = folder
    const { shape } = plan
    this.lines = new Lines(net.network, world.random.fork(), shape.latencyMs)
    const settings = {
      SDK_APP_ID: APP,
      WEBHOOK_TOKEN,
      JWT_SECRET,
      HISTORY_SIZE: String(shape.historySize),
      DRAIN_MS: '1000',
      AUTHORIZE_URL: 'http://backend/authorize',
      AUTHORIZE_SECRET: 'a-secret-that-the-backend-knows-too',
      MEMBERSHIP_TTL_S: String(DEFAULT_GRANT_S),
      ...(shape.hasEvidenceKey && { EVIDENCE_KEY }),
    }
    this.redis = shape.broker === 'redis' ? new SimRedis() : undefined
    const own = { ...settings, ...(this.redis && { REDIS_URL: `redis://127.0.0.1:${REDIS_PORT}` }) }
    const create = (role: string, count: number, firstPort: number): SimGateway[] =>
      Array.from(
        { length: count },
        (_, i) =>
          new SimGateway(`${role}-${i + 1}`, firstPort + i, { ...own, ROLE: role }, { folder, history, log }),
      )
    const all = create('all', shape.alls, 7_001)
    this.receivers = [...all, ...create('receiver', shape.receivers, 9_001)]
    this.nodes = [...all, ...create('node', shape.nodes, 8_001)]
    this.provider = new Provider(history, 'receivers')
    this.users = plan.users.map((spec: UserSpec) => new KINDS[spec.by](spec, history))
    this.operator = new Operator(history)
    this.evidence = new EvidenceTaker(plan, history)
    this.backend = new Backend(plan.users, history)
    for (const { name, bytesPerMs } of plan.users)
      for (const node of this.nodes)
        if (bytesPerMs !== undefined) this.lines.between(node.name, name).bytesPerMs = bytesPerMs
    this.#balance('receivers', this.receivers)
    this.#balance('nodes', this.nodes)
    const address = `${net.network.resolve('backend')}:80`
    const before = net.network.route
    net.network.route = (to) => (to === address ? `127.0.0.1:${BACKEND_PORT}` : before(to))
  }

  get gateways(): readonly SimGateway[] {
    return [...new Set([...this.receivers, ...this.nodes])]
  }

  start(): void {
    this.redis?.start()
    this.backend.start()
    for (const gateway of this.gateways) gateway.start()
  }

  /** For faults that go on: nothing of them comes after the last fault. */
  disturbAfter(ms: number, run: () => void): void {
    world.schedule.after(ms, OUTSIDE, () => this.#isRestored || run())
  }

  /** What the people, the app and the provider do. */
  perform(step: Exclude<Step, FaultStep>): void {
    if (step.kind === 'recall') return this.provider.recall(step)
    if (step.kind === 'dismiss') return this.provider.dismiss(step.group)
    const user = this.users[step.user]
    if (user === undefined) return
    if (step.kind === 'user') return user[step.what]()
    this.#hasRefused = true
    const { name } = user.spec
    if (step.kind === 'order') {
      this.operator.order(name, step)
      return void world.schedule.after(step.forS * 1_000 + AFTER_ORDER_MS, OUTSIDE, () => user.again())
    }
    const { room } = step
    if (step.what === 'grant') {
      this.backend.grant(name, room)
      return user.again()
    }
    this.backend.revoke(name, room)
    if (step.isTold && room.group !== undefined) this.provider.quit(name, room.group)
  }

  /** Leads each connection to one of those that are up. */
  #balance(name: string, gateways: readonly SimGateway[]): void {
    const address = `${net.network.resolve(name)}:80`
    const random = world.random.fork()
    const before = net.network.route
    net.network.route = (to) => {
      if (to !== address) return before(to)
      const up = gateways.filter(({ isUp }) => isUp)
      return `127.0.0.1:${random.pick(up.length > 0 ? up : gateways).port}`
    }
  }

  /** Nothing of the run is left. */
  end(): void {
    for (const gateway of this.gateways) gateway.kill()
    for (const user of this.users) user.kill()
    if (this.redis) world.schedule.kill(this.redis.process)
    this.backend.kill()
    world.schedule.kill(this.provider.process)
    world.schedule.kill(this.operator.process)
    world.schedule.kill(this.evidence.process)
  }

  /** Ends every fault: all processes run, all lines and disks work. */
  restore(): void {
    this.#isRestored = true
    this.lines.heal()
    disks.current.behaviourOf = () => ({ syncMs: () => 0.5, failure: undefined })
    this.redis?.restore()
    this.backend.restore()
    for (const gateway of this.gateways) {
      if (gateway.process?.isFrozen) world.schedule.thaw(gateway.process)
      if (gateway.process) gateway.process.clockOffsetMs = 0
      gateway.start()
    }
    for (const user of this.users) {
      user.restore()
      if (this.#hasRefused) for (const ms of AGAIN_MS) world.schedule.after(ms, OUTSIDE, () => user.again())
    }
  }
}
