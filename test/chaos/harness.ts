import { setTimeout as delay } from 'node:timers/promises'
import type { Room } from '../../shared/room.ts'
import { adminToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { audit } from './audit.ts'
import { Ledger } from './recorder.ts'
import { startListener } from './listener.ts'
import type { Listener } from './listener.ts'
import { readMetric } from '../support/read-metric.ts'
import type { Row } from './fault.ts'

const CHECK_INTERVAL_MS = 100
/** Sockets that connect at a time: more only wait for each other. */
const MAX_CONCURRENT_CONNECTS = 50

/** All sockets come from one address here, thousands of them. */
const ALL_FROM_HERE = { MAX_SOCKETS_PER_ADDRESS: '20000' }

/** Where one fault is played: what was started for it, and what was written down. */
export class Stage {
  readonly ledger = new Ledger()
  readonly complaints: string[] = []
  readonly #undos: (() => unknown)[] = []
  readonly #gateways = new Set<GatewayProcess>()

  /** Remembers how to undo something at the end, latest first. */
  later(undo: () => unknown): void {
    this.#undos.push(undo)
  }

  async startRedis(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
    const redis = await startRedis(options)
    this.later(redis.stop)
    return redis
  }

  async startGateway(settings: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess({ ...ALL_FROM_HERE, ...settings })
    this.later(gateway.stop)
    this.#gateways.add(gateway)
    void gateway.exited.then(() => this.#gateways.delete(gateway))
    return gateway
  }

  /** Resolves once so many listeners are in the room. */
  async listen(count: number, room: Room, urls: readonly string[]): Promise<Listener[]> {
    const token = await adminToken()
    const listeners: Listener[] = []
    while (listeners.length < count) {
      const starting = Array.from(
        { length: Math.min(MAX_CONCURRENT_CONNECTS, count - listeners.length) },
        () => startListener({ urls, room, token, hear: this.ledger.listen(room) }),
      )
      for (const listener of await Promise.all(starting)) {
        listeners.push(listener)
        this.later(listener.close)
      }
    }
    return listeners
  }

  /**
   * Waits until every listener has what was kept, or was told a gap for it. What is missing when nothing more has come for
   * so long is lost: gigabytes take their time on a busy machine.
   */
  async settle(withinMs: number): Promise<void> {
    let missing = Infinity
    let deadline = 0
    for (;;) {
      const { lost } = this.#figures()
      if (lost < missing) deadline = performance.now() + withinMs
      missing = Math.min(missing, lost)
      if (lost === 0 || performance.now() > deadline) return
      await delay(CHECK_INTERVAL_MS)
    }
  }

  complain(complaint: string): void {
    this.complaints.push(complaint)
  }

  async row(fault: string): Promise<Row> {
    const healed = await Promise.all(
      [...this.#gateways].map(({ url }) => readMetric(url, 'notices_healed_total').catch(() => 0)),
    )
    return {
      fault,
      ...this.#figures(),
      healed: healed.reduce((sum, one) => sum + one, 0),
      complaints: this.complaints,
    }
  }

  async close(): Promise<void> {
    for (const undo of this.#undos.splice(0).toReversed()) await undo()
  }

  #figures() {
    return audit(this.ledger.recalls, this.ledger.listening)
  }
}
