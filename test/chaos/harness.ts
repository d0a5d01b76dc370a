import { setTimeout as delay } from 'node:timers/promises'
import type { RecalledAt } from '../../shared/message.ts'
import type { Room } from '../../shared/room.ts'
import { adminToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { audit } from './audit.ts'
import { EVIDENCE_KEY, evidenceProblem } from './evidence.ts'
import type { FaultResult } from './fault.ts'
import { startListener } from './listener.ts'
import type { Listener } from './listener.ts'
import { Recorder } from './recorder.ts'
import { auditTruth } from './truth/audit-truth.ts'
import { startTruthClient } from './truth/truth-client.ts'
import type { TruthClient } from './truth/truth-client.ts'
import { seqsOf } from '../support/seqs.ts'

const CHECK_INTERVAL_MS = 100
/** A client is live again within seconds once everything works; as long as a busy machine may make of that. */
const LIVE_TIMEOUT_MS = 20_000
/** What Redis has lost is there again within seconds, since receivers look for losses each second; the same. */
const RETURN_TIMEOUT_MS = 15_000
/** In one request. */
const MAX_SEQS = 500
/** More would only wait for each other. */
const MAX_CONCURRENT_CONNECTS = 50

/** Thousands of sockets connect from one address here. */
const ONE_ADDRESS = { MAX_SOCKETS_PER_ADDRESS: '20000' }

/** Everything that one run has started, to be stopped at its end, and everything it has recorded. */
export class Harness {
  readonly recorder = new Recorder()
  readonly truthClients: TruthClient[] = []
  readonly #violations: string[] = []
  readonly #cleanUps: (() => unknown)[] = []
  readonly #gateways = new Set<GatewayProcess>()

  /** Adds a function that `close` calls. The latest one is called first. */
  onClose(cleanUp: () => unknown): void {
    this.#cleanUps.push(cleanUp)
  }

  async startRedis(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
    const redis = await startRedis(options)
    this.onClose(redis.stop)
    return redis
  }

  async startGateway(settings: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess({ ...ONE_ADDRESS, EVIDENCE_KEY, ...settings })
    this.onClose(gateway.stop)
    this.#gateways.add(gateway)
    void gateway.exited.then(() => this.#gateways.delete(gateway))
    return gateway
  }

  /** Starts listeners. Resolves once all of them have subscribed to the room. */
  async startListeners(count: number, room: Room, urls: readonly string[]): Promise<Listener[]> {
    const token = await adminToken()
    const listeners: Listener[] = []
    while (listeners.length < count) {
      const starting = Array.from(
        { length: Math.min(MAX_CONCURRENT_CONNECTS, count - listeners.length) },
        () => startListener({ urls, room, token, record: this.recorder.addListener(room) }),
      )
      for (const listener of await Promise.all(starting)) {
        listeners.push(listener)
        this.onClose(listener.close)
      }
    }
    return listeners
  }

  /** Starts a client of the package. Resolves once it is live. */
  async startTruthClient(
    options: Omit<Parameters<typeof startTruthClient>[0], 'record' | 'getToken'> & {
      readonly getToken?: () => string | Promise<string>
    },
  ): Promise<TruthClient> {
    const client = await startTruthClient({
      getToken: adminToken,
      ...options,
      record: (record) => void this.recorder.truth.push(record),
    })
    this.truthClients.push(client)
    this.onClose(client.stop)
    return client
  }

  /**
   * Waits until every listener and client has received each acknowledged recall. Gives up when nothing has
   * arrived for `timeoutMs`, not earlier: gigabytes take their time on a busy machine.
   */
  async settle(timeoutMs: number): Promise<void> {
    let missing = Infinity
    let deadline = 0
    for (;;) {
      const { lost, missed } = this.#figures()
      const owed = lost + missed
      if (owed < missing) deadline = performance.now() + timeoutMs
      missing = Math.min(missing, owed)
      if (owed === 0 || performance.now() > deadline) return
      await delay(CHECK_INTERVAL_MS)
    }
  }

  /** Reports every client that does not become live again once everything is well. */
  async expectLive(): Promise<void> {
    for (const { name, says, explains } of this.truthClients)
      await waitUntil('live', () => says() === 'live', LIVE_TIMEOUT_MS).catch(() =>
        this.reportViolation(`${name} is still ${explains()} after the cure`),
      )
  }

  /** Reports acknowledged recalls that `recalled` does not name in time. Asks any gateway that answers. */
  async expectRecalled(): Promise<void> {
    const acknowledged = this.recorder.recalls.filter(({ status }) => status === 200)
    for (const group of new Set(acknowledged.map((recall) => recall.group))) {
      const seqs = acknowledged.filter((recall) => recall.group === group).map(({ seq }) => seq)
      const missing = new Set(seqs)
      const isComplete = async () => {
        for (let i = 0; i < seqs.length; i += MAX_SEQS)
          for (const seq of seqsOf(await this.#recalled(group, seqs.slice(i, i + MAX_SEQS))))
            missing.delete(seq)
        return missing.size === 0
      }
      await waitUntil('all are recalled', isComplete, RETURN_TIMEOUT_MS).catch(() =>
        this.reportViolation(
          `${missing.size} acknowledged recalls of ${group} are not recalled: ${[...missing].slice(0, 5).join(', ')}`,
        ),
      )
    }
  }

  async #recalled(group: string, seqs: readonly number[]): Promise<readonly RecalledAt[]> {
    const query = new URLSearchParams({ group, seqs: seqs.join(',') })
    const token = await adminToken()
    let recalled: unknown
    await waitUntil('a gateway says what is recalled', async () => {
      for (const { url } of this.#gateways) {
        const answer = await get(url, `/v1/recalled?${query.toString()}`, token).catch(() => undefined)
        recalled = answer?.body['recalled']
        if (answer?.status === 200) return true
      }
      return false
    })
    return recalled as readonly RecalledAt[]
  }

  /** Reports it if no gateway can prove the recalls of a room with a file that verifies. */
  async #expectEvidence(): Promise<void> {
    const room = this.recorder.listeners[0]?.room
    if (room === undefined) return
    const problems = new Set<string>()
    const isProved = async () => {
      for (const { url } of this.#gateways) {
        const found = await evidenceProblem(url, room).catch((error: unknown) => String(error))
        if (found === undefined) return true
        problems.add(found)
      }
      return false
    }
    await waitUntil('recalls are proved', isProved, RETURN_TIMEOUT_MS).catch(() =>
      this.reportViolation(`recalls are not proved after the cure: ${[...problems].join('; ')}`),
    )
  }

  reportViolation(violation: string): void {
    this.#violations.push(violation)
  }

  async result(fault: string): Promise<FaultResult> {
    await this.#expectEvidence()
    const healed = await Promise.all(
      [...this.#gateways].map(({ url }) => readMetric(url, 'notices_healed_total').catch(() => 0)),
    )
    return {
      fault,
      ...this.#figures(),
      healed: healed.reduce((sum, one) => sum + one, 0),
      violations: this.#violations,
    }
  }

  async close(): Promise<void> {
    for (const cleanUp of this.#cleanUps.splice(0).toReversed()) await cleanUp()
  }

  #figures() {
    const { recalls, listeners, truth } = this.recorder
    return { ...audit(recalls, listeners), ...auditTruth(recalls, truth, performance.now()) }
  }
}
