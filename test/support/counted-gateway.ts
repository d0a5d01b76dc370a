import { wakeUpsOf, writesOf } from '../bench/process-usage.ts'
import { groupOf, SubscriberPool } from '../bench/subscriber-pool.ts'
import type { SubscriberPlan } from '../bench/subscriber-pool.ts'
import { makeToken } from './client.ts'
import { startGatewayProcess } from './gateway-process.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { COUNTING, workOf } from './gateway-work.ts'
import { redisCallsOf } from './redis-calls.ts'
import type { RedisServer } from './redis-server.ts'

/** What a gateway and its Redis have done between two times, in counts. */
export interface StepsBetween {
  /** Calls of Redis: scripts count as one. */
  readonly redisCalls: number
  /** Commands that Redis ran, those of scripts included. */
  readonly redisCommands: number
  readonly ssubscribes: number
  /** One each second while there are no recalls, whose notices count too. */
  readonly probes: number
  /** How often the process has tried out what its user at Redis may do, which it does from time to time: each is calls, too. */
  readonly trials: number
  /** How often the main thread waited for something to happen, and something did. */
  readonly wakeUps: number
  readonly writes: number
  readonly encodings: number
  readonly promises: number
  readonly ticks: number
  readonly timers: number
  readonly copiedBytes: number
  readonly convertedBytes: number
  readonly listeners: number
  readonly lists: number
}

/** Returns the steps of each of so many. */
export const each = (steps: StepsBetween, times: number): StepsBetween =>
  Object.fromEntries(
    Object.entries(steps).map(([name, count]) => [name, count / times]),
  ) as unknown as StepsBetween

const SCRIPT_CALLS = ['evalsha', 'eval', 'fcall']
/** Of a test that looks at Redis, and what a connection says of itself. */
const IGNORED = /^(?:info|hello|auth|select|client\||ping)/

/** A gateway that counts its steps, with a Redis that it may share, or without. */
export class CountedGateway {
  readonly process: GatewayProcess
  readonly #redis: RedisServer | undefined

  private constructor(redis: RedisServer | undefined, process: GatewayProcess) {
    this.process = process
    this.#redis = redis
  }

  static async start(
    redis: RedisServer | undefined,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<CountedGateway> {
    const counting = { ...COUNTING, COUNT_STEPS: '1', MAX_SOCKETS_PER_ADDRESS: '10000' }
    const all = { ...(redis && { REDIS_URL: redis.url }), ...counting, ...settings }
    return new CountedGateway(redis, await startGatewayProcess(all))
  }

  /** Connects sockets, each with a token of its own. The caller drops them. */
  async connect(plan: Omit<SubscriberPlan, 'ports' | 'tokens'>): Promise<SubscriberPool> {
    const { sockets, rooms, firstRoom = 0, roomsPerSocket } = plan
    const claimsOf = (i: number) =>
      roomsPerSocket === undefined
        ? { rooms: [{ group: groupOf((i % rooms) + firstRoom) }] }
        : { role: 'admin' }
    const tokens = await Promise.all(
      Array.from({ length: sockets }, (_, i) => makeToken({ sub: `user-${i}`, ...claimsOf(i) })),
    )
    const pool = new SubscriberPool({ ...plan, ports: [this.process.port], tokens })
    await pool.connect()
    return pool
  }

  /** Counts steps from now on. Returns a function that tells those since then. */
  async count(): Promise<() => Promise<StepsBetween>> {
    const before = await this.#read()
    return async () => {
      const after = await this.#read()
      return Object.fromEntries(
        Object.entries(after).map(([name, value]) => [name, value - before[name as keyof StepsBetween]]),
      ) as unknown as StepsBetween
    }
  }

  async #read(): Promise<StepsBetween> {
    const { pid } = this.process
    const [wakeUps, writes] = [wakeUpsOf(pid), writesOf(pid)]
    const redisCalls = this.#redis === undefined ? [] : await redisCallsOf(this.#redis.url)
    const calls = [...redisCalls].filter(([name]) => !IGNORED.test(name))
    const sum = (wanted: (name: string) => boolean): number =>
      calls.reduce((all, [name, times]) => all + (wanted(name) ? times : 0), 0)
    const { encodings, steps } = await workOf(this.process)
    const asked = (type: string): number => steps?.resources[type] ?? NaN
    return {
      redisCalls: sum((name) => SCRIPT_CALLS.includes(name) || name.endsWith('subscribe')),
      redisCommands: sum(() => true),
      ssubscribes: sum((name) => name === 'ssubscribe'),
      probes: sum((name) => name === 'spublish'),
      trials: sum((name) => name === 'persist'),
      wakeUps,
      writes,
      encodings,
      promises: asked('PROMISE'),
      ticks: asked('TickObject'),
      timers: asked('Timeout') + asked('Immediate'),
      copiedBytes: steps?.copiedBytes ?? NaN,
      convertedBytes: steps?.convertedBytes ?? NaN,
      listeners: steps?.listeners ?? NaN,
      lists: steps?.lists ?? NaN,
    }
  }
}
