import { setTimeout as delay } from 'node:timers/promises'
import { makeToken } from '../support/client.ts'
import { nowUs } from './clock.ts'
import { startLoadProcess } from './load.ts'
import type { LoadProcess, Outcomes } from './load.ts'
import { startPeer } from './peers.ts'
import type { Peer, PeerName, PeerOptions } from './peers.ts'
import { cpuOf, memoryOf } from './process-usage.ts'
import { mergeHistograms } from './statistics.ts'
import type { Histogram } from './statistics.ts'
import { groupOf } from './subscriber-pool.ts'
import type { Schedule, SubscriberPlan } from './subscriber-pool.ts'
import type { PostingReport } from './webhook-load.ts'

const TOKEN_TTL_S = 3_600
/** The load processes must know a schedule before it begins. */
const START_DELAY_US = 200_000
const CHECK_INTERVAL_MS = 50
/** After this long without a delivery, no more are expected. */
const MAX_SILENCE_MS = 5_000
const SETTLE_TIMEOUT_MS = 120_000

export interface LoadPlan {
  /** 0: each connection posts as soon as it has a response. */
  readonly perSecond: number
  readonly recalls: number
  readonly rooms: number
  readonly connections?: number
  readonly fillers?: number
}

/** CPU time in s. `nodes` has one element per node; `all` and `system` include Redis, but not what generates the load. */
export interface Cpu {
  readonly nodes: readonly number[]
  readonly redis: number
  readonly all: number
  readonly system: number
  /** Of each process that generates load. */
  readonly load: readonly number[]
  /** When it was read, in s. */
  readonly atS: number
}

/** The same between two times. */
export interface CpuShare extends Omit<Cpu, 'load' | 'atS'> {
  /** Of the process that generates most of the load, in % of a core: near 100, the figures are the generator's. */
  readonly generatorPercent: number
}

/** Counts of errors by kind. Each of them must be 0. */
export type ErrorCounts = Readonly<Record<string, number>>

export interface DeliveryResult {
  readonly posting: PostingReport
  /** Recalls. */
  readonly posted: number
  readonly delivered: number
  readonly frames: number
  readonly latency: Histogram
  readonly cpu: CpuShare
  /** From the time the first recall was due to the last delivery. */
  readonly tookS: number
  readonly errors: ErrorCounts
}

/** One server, and the processes that generate load for it. */
export class Harness {
  readonly peer: Peer
  readonly #poster = startLoadProcess()
  readonly #subscribers: LoadProcess[] = []
  #nextSeq = 1_000_000

  private constructor(peer: Peer) {
    this.peer = peer
  }

  /** Runs a workload in a harness of its own, and stops whatever it started. */
  static async run<T>(
    name: PeerName,
    workload: (harness: Harness) => Promise<T>,
    options: PeerOptions = {},
  ): Promise<T> {
    const harness = new Harness(await startPeer(name, options))
    try {
      return await workload(harness)
    } finally {
      for (const load of [harness.#poster, ...harness.#subscribers]) load.stop()
      await harness.peer.stop()
    }
  }

  /** Connects sockets from one more load process, to all nodes or to the given one. Returns the time it took in s. */
  async subscribe(
    plan: Omit<SubscriberPlan, 'ports' | 'tokens'> & { readonly node?: number },
  ): Promise<number> {
    const { firstRoom = 0, rooms, sockets, roomsPerSocket, node } = plan
    const tokens = await Promise.all(
      Array.from({ length: sockets }, (_, i) =>
        roomsPerSocket === undefined ? memberToken(i, (i % rooms) + firstRoom) : adminToken(i),
      ),
    )
    const nodes = node === undefined ? this.peer.nodes : this.peer.nodes.slice(node, node + 1)
    const load = startLoadProcess()
    this.#subscribers.push(load)
    const ports = nodes.map(({ port }) => port)
    return load.run<'subscribe'>({ do: 'subscribe', plan: { ...plan, ports, tokens } })
  }

  /** Posts recalls at a steady rate, and waits until every socket has received them. */
  async deliver(plan: LoadPlan): Promise<DeliveryResult> {
    const before = this.cpu()
    const { posting, schedule } = await this.post(plan)
    const reports = await this.settle()
    const cpu = cpuSince(before, this.cpu())
    const lastUs = Math.max(...reports.map((report) => report.lastUs))
    return {
      posting,
      posted: plan.recalls,
      delivered: sumOf(reports, 'delivered'),
      frames: sumOf(reports, 'frames'),
      latency: mergeHistograms(reports.map(({ latencies }) => latencies)),
      cpu,
      tookS: (lastUs - schedule.startUs) / 1e6,
      errors: { refused: posting.refused, ...errorsIn(reports) },
    }
  }

  /** Posts recalls. Resolves once each of them has a response. */
  async post({ perSecond, recalls, rooms, connections = 16, fillers = 0 }: LoadPlan) {
    const everyUs = perSecond === 0 ? 0 : 1e6 / perSecond
    const schedule: Schedule = { first: this.#nextSeq, recalls, startUs: nowUs() + START_DELAY_US, everyUs }
    this.#nextSeq += recalls
    await this.#runOnAll((load) => load.run<'expect'>({ do: 'expect', schedule }))
    const port = this.peer.nodes[0]?.port ?? 0
    const plan = { ...schedule, port, rooms, connections, fillers }
    return { posting: await this.#poster.run<'post'>({ do: 'post', plan }), schedule }
  }

  /** Resolves once everything is delivered, or nothing more arrives. */
  async settle(): Promise<readonly Outcomes['report'][]> {
    const deadline = performance.now() + SETTLE_TIMEOUT_MS
    let seen = -1
    let silentSince = performance.now()
    for (;;) {
      const reports = await this.#runOnAll((load) => load.run<'report'>({ do: 'report' }))
      const delivered = sumOf(reports, 'delivered')
      const now = performance.now()
      if (delivered > seen) silentSince = now
      seen = delivered
      if (delivered >= sumOf(reports, 'expected') || now > deadline || now - silentSince > MAX_SILENCE_MS)
        return reports
      await delay(CHECK_INTERVAL_MS)
    }
  }

  /** Drops all sockets simultaneously. */
  async drop(): Promise<void> {
    await this.#runOnAll((load) => load.run<'drop'>({ do: 'drop' }))
  }

  /** Reconnects all sockets. Returns the time it took in s. */
  async reconnect(mode: 'fresh' | 'resume'): Promise<number> {
    return Math.max(...(await this.#runOnAll((load) => load.run<'reconnect'>({ do: 'reconnect', mode }))))
  }

  cpu(): Cpu {
    const nodes = this.peer.nodes.map(({ pid }) => cpuOf(pid))
    const redis = this.peer.redis === undefined ? { userS: 0, systemS: 0 } : cpuOf(this.peer.redis.pid)
    const total = ({ userS, systemS }: ReturnType<typeof cpuOf>): number => userS + systemS
    return {
      nodes: nodes.map(total),
      redis: total(redis),
      all: nodes.reduce((sum, node) => sum + total(node), total(redis)),
      system: nodes.reduce((sum, { systemS }) => sum + systemS, redis.systemS),
      load: [this.#poster, ...this.#subscribers].map(({ pid }) => total(cpuOf(pid))),
      atS: nowUs() / 1e6,
    }
  }

  /** Returns the memory of all processes of the server, in bytes. */
  memory(): number {
    const { nodes, redis } = this.peer
    return [...nodes, ...(redis ? [redis] : [])].reduce((sum, { pid }) => sum + memoryOf(pid), 0)
  }

  #runOnAll<T>(run: (load: LoadProcess) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#subscribers.map(run))
  }
}

const memberToken = (user: number, room: number): Promise<string> =>
  makeToken({ sub: `user-${user}`, rooms: [{ group: groupOf(room) }], ttlS: TOKEN_TTL_S })

/** A token cannot name as many rooms as a socket may follow. */
const adminToken = (user: number): Promise<string> =>
  makeToken({ sub: `admin-${user}`, role: 'admin', ttlS: TOKEN_TTL_S })

export const cpuSince = (before: Cpu, after: Cpu): CpuShare => ({
  nodes: after.nodes.map((s, i) => s - (before.nodes[i] ?? 0)),
  redis: after.redis - before.redis,
  all: after.all - before.all,
  system: after.system - before.system,
  generatorPercent:
    (Math.max(...after.load.map((s, i) => s - (before.load[i] ?? 0))) / (after.atS - before.atS)) * 100,
})

type Report = Outcomes['report']

const sumOf = (reports: readonly Report[], figure: 'delivered' | 'expected' | 'frames'): number =>
  reports.reduce((sum, report) => sum + report[figure], 0)

export function errorsIn(reports: readonly Report[]): ErrorCounts {
  const kinds = ['duplicated', 'misrouted', 'outOfOrder', 'closed', 'gaps'] as const
  const counts = kinds.map((kind) => [kind, reports.reduce((sum, report) => sum + report[kind], 0)])
  return {
    lost: sumOf(reports, 'expected') - sumOf(reports, 'delivered'),
    ...(Object.fromEntries(counts) as ErrorCounts),
  }
}
