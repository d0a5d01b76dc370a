import { createServer } from 'node:net'
import { createRecallClient } from '../../../shared/client.ts'
import type { RecallClient } from '../../../shared/client.ts'
import { APP, JWT_SECRET, WEBHOOK_TOKEN } from '../../support/gateway-process.ts'
import type { History } from '../history.ts'
import type { Plan, UserSpec } from '../plan.ts'
import { RedisModel } from '../redis/model.ts'
import { START_MS, world } from '../world/globals.ts'
import { disks } from '../world/lmdb.ts'
import { net } from '../world/network.ts'
import { SimProcess } from '../world/schedule.ts'
import type { Schedule } from '../world/schedule.ts'
import { SimGateway } from './gateway.ts'
import { LibraryUser } from './library-user.ts'
import { Lines } from './lines.ts'
import { Provider } from './provider.ts'
import { signToken } from './token.ts'

const REDIS_PORT = 6379
const LOOK_TIMEOUT_MS = 20_000

/** Everything that a run consists of: the gateway's processes, Redis, the provider and the users. */
export class System {
  readonly plan: Plan
  readonly history: History
  readonly lines: Lines
  readonly receivers: readonly SimGateway[]
  readonly nodes: readonly SimGateway[]
  readonly users: readonly LibraryUser[]
  readonly provider: Provider
  /** Undefined if the gateway runs without Redis. */
  readonly redis: SimRedis | undefined
  readonly folder: string

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
    }
    this.redis = shape.broker === 'redis' ? new SimRedis() : undefined
    const own = { ...settings, ...(this.redis && { REDIS_URL: `redis://127.0.0.1:${REDIS_PORT}` }) }
    const create = (role: string, count: number, firstPort: number): SimGateway[] =>
      Array.from(
        { length: count },
        (_, i) => new SimGateway(`${role}-${i + 1}`, firstPort + i, { ...own, ROLE: role }, folder, log),
      )
    const all = create('all', shape.alls, 7_001)
    this.receivers = [...all, ...create('receiver', shape.receivers, 9_001)]
    this.nodes = [...all, ...create('node', shape.nodes, 8_001)]
    this.provider = new Provider(history, 'receivers')
    this.users = plan.users.map((spec: UserSpec) => new LibraryUser(spec, history, 'http://nodes'))
    this.#balance('receivers', this.receivers)
    this.#balance('nodes', this.nodes)
  }

  get gateways(): readonly SimGateway[] {
    return [...new Set([...this.receivers, ...this.nodes])]
  }

  start(): void {
    this.redis?.start()
    for (const gateway of this.gateways) gateway.start()
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

  /** Asks a node what is recalled, and looks at what is left. */
  async look(schedule: Schedule): Promise<void> {
    const asking = new SimProcess('auditor')
    const asked = new Map<string, { group: string; topic?: string; seqs: number[] }>()
    for (const { group, topic, seqs } of this.history.of('sent')) {
      const key = JSON.stringify([group, topic])
      const known = asked.get(key) ?? { group, ...(topic !== undefined && { topic }), seqs: [] }
      known.seqs.push(...seqs)
      asked.set(key, known)
    }
    let recalled: { group: string; topic?: string; seqs: number[] }[] | undefined
    const until = schedule.nowMs + LOOK_TIMEOUT_MS
    schedule.after(0, asking, () => {
      const client = createRecallClient({
        url: 'http://nodes',
        getToken: () => signToken({ sub: 'auditor', isAdmin: true, lifeMs: 600_000 }),
      })
      void askUntilAnswered(client, [...asked.values()]).then((answers) => (recalled = answers))
    })
    await schedule.run(() => recalled !== undefined || schedule.nowMs >= until)
    schedule.kill(asking)
    if (recalled === undefined) return
    this.history.add({
      kind: 'found',
      recalled,
      spooled: this.receivers.reduce(
        (sum, { dataDir }) => sum + (disks.current.sizes(`${dataDir}/spool`)['entries'] ?? 0),
        0,
      ),
      sizes: { connections: net.network.connections, events: schedule.size },
    })
  }

  /** Nothing of the run is left. */
  end(): void {
    for (const gateway of this.gateways) gateway.kill()
    for (const user of this.users) user.kill()
    if (this.redis) world.schedule.kill(this.redis.process)
    world.schedule.kill(this.provider.process)
  }

  /** Ends every fault: all processes run, all lines and disks work. */
  restore(): void {
    this.lines.heal()
    disks.current.behaviourOf = () => ({ syncMs: () => 0.5, failure: undefined })
    this.redis?.restore()
    for (const gateway of this.gateways) {
      if (gateway.process?.isFrozen) world.schedule.thaw(gateway.process)
      if (gateway.process) gateway.process.clockOffsetMs = 0
      gateway.start()
    }
    for (const user of this.users) {
      if (user.process?.isFrozen) world.schedule.thaw(user.process)
      user.open()
    }
  }
}

async function askUntilAnswered(
  client: RecallClient,
  conversations: readonly { readonly group: string; readonly topic?: string; readonly seqs: number[] }[],
) {
  const answers: { group: string; topic?: string; seqs: number[] }[] = []
  for (const { seqs, ...conversation } of conversations)
    for (;;) {
      try {
        const found: number[] = []
        for (let i = 0; i < seqs.length; i += 500)
          found.push(...(await client.recalled(conversation, seqs.slice(i, i + 500))).map(({ seq }) => seq))
        answers.push({ ...conversation, seqs: found })
        break
      } catch {
        await new Promise<void>((resolve) => void setTimeout(resolve, 500))
      }
    }
  return answers
}

/** Redis as a process of the simulation. */
export class SimRedis {
  readonly model: RedisModel
  process = new SimProcess('redis#0')
  #life = 0

  constructor() {
    this.model = new RedisModel({
      now: () => START_MS + world.schedule.nowMs,
      later: (ms, callback) => {
        const task = world.schedule.after(ms, this.process, callback)
        return () => void (task.run = undefined)
      },
      fsync: 'always',
    })
  }

  start(): void {
    if (this.#life > 0 && !this.process.isDead) return
    const process = new SimProcess(`redis#${++this.#life}`)
    this.process = process
    world.schedule.after(0, process, () => {
      createServer((socket) => this.model.connect(socket)).listen(REDIS_PORT, '127.0.0.1')
    })
  }

  /** Ends the process. `keeps`: what it finds on its disk when it is started again. */
  kill(keeps: 'all' | 'synced' | 'nothing'): void {
    world.schedule.kill(this.process)
    this.model.restart(keeps)
  }

  /** A replica without the latest writes becomes the server. */
  failOver(lostWrites: number): void {
    this.model.closeConnections()
    this.model.rollBack(lostWrites)
  }

  restore(): void {
    if (this.process.isFrozen) world.schedule.thaw(this.process)
    if (this.process.isDead) this.start()
    Object.assign(this.model.refusals, {
      isFull: false,
      isReplica: false,
      isLoading: false,
      cannotSave: false,
    })
  }
}
