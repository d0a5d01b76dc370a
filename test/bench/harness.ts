import { setTimeout as delay } from 'node:timers/promises'
import { makeToken } from '../support/client.ts'
import { groupOf } from './subscriber-pool.ts'
import type { AudiencePlan, Schedule } from './subscriber-pool.ts'
import { nowUs } from './clock.ts'
import { startLoad } from './load.ts'
import type { LoadProcess, Outcomes } from './load.ts'
import { startPeer } from './peers.ts'
import type { Peer, PeerName } from './peers.ts'
import type { PostingReport } from './webhook-load.ts'
import { addUp } from './statistics.ts'
import type { Histogram } from './statistics.ts'
import { cpuOf, memoryOf } from './process-usage.ts'

const TOKEN_TTL_S = 3_600
/** The load processes must hear of a schedule before it begins. */
const BEGIN_IN_US = 200_000
const CHECK_INTERVAL_MS = 50
/** Who has got nothing for so long gets nothing any more. */
const SILENT_MS = 5_000
const SETTLE_TIMEOUT_MS = 120_000

export interface FlowPlan {
  /** 0: each connection posts as soon as it has an answer. */
  readonly perSecond: number
  readonly recalls: number
  readonly rooms: number
  readonly connections?: number
  readonly fillers?: number
}

/** CPU time of each process, in s. */
export interface Cpu {
  readonly nodes: readonly number[]
  readonly redis: number
  readonly all: number
  readonly system: number
}

/** What went wrong, each of which must be 0. */
export type Wrong = Readonly<Record<string, number>>

export interface Flow {
  readonly posting: PostingReport
  /** Recalls. */
  readonly posted: number
  readonly delivered: number
  readonly frames: number
  readonly latency: Histogram
  readonly cpu: Cpu
  /** From when the first recall was due to the last delivery. */
  readonly tookS: number
  readonly wrong: Wrong
}

/** One server, and the processes that make load for it. */
export class Scene {
  readonly peer: Peer
  readonly #poster = startLoad()
  readonly #audiences: LoadProcess[] = []
  #nextSeq = 1_000_000

  private constructor(peer: Peer) {
    this.peer = peer
  }

  /** Plays on a scene of its own, and clears it. */
  static async play<T>(name: PeerName, nodes: number, perform: (scene: Scene) => Promise<T>): Promise<T> {
    const scene = new Scene(await startPeer(name, nodes))
    try {
      return await perform(scene)
    } finally {
      for (const load of [scene.#poster, ...scene.#audiences]) load.stop()
      await scene.peer.stop()
    }
  }

  /** Connects sockets from a process of their own, on all nodes unless told which; answers how long that took, in s. */
  async assemble(plan: Omit<AudiencePlan, 'ports' | 'tokens'> & { readonly node?: number }): Promise<number> {
    const { firstRoom = 0, rooms, sockets, node } = plan
    const tokens = await Promise.all(
      Array.from({ length: sockets }, (_, i) => this.#token(i, (i % rooms) + firstRoom)),
    )
    const nodes = node === undefined ? this.peer.nodes : this.peer.nodes.slice(node, node + 1)
    const audience = startLoad()
    this.#audiences.push(audience)
    const ports = nodes.map(({ port }) => port)
    return audience.tell<'assemble'>({ do: 'assemble', plan: { ...plan, ports, tokens } })
  }

  /** Posts recalls at a steady rate, and waits until every socket has what it should. */
  async flow(plan: FlowPlan): Promise<Flow> {
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
      latency: addUp(reports.map(({ latencies }) => latencies)),
      cpu,
      tookS: (lastUs - schedule.startUs) / 1e6,
      wrong: { refused: posting.refused, ...wrongIn(reports) },
    }
  }

  async post({ perSecond, recalls, rooms, connections = 16, fillers = 0 }: FlowPlan) {
    const everyUs = perSecond === 0 ? 0 : 1e6 / perSecond
    const schedule: Schedule = { first: this.#nextSeq, recalls, startUs: nowUs() + BEGIN_IN_US, everyUs }
    this.#nextSeq += recalls
    await this.#tellAll((audience) => audience.tell<'expect'>({ do: 'expect', schedule }))
    const port = this.peer.nodes[0]?.port ?? 0
    const plan = { ...schedule, port, rooms, connections, fillers }
    return { posting: await this.#poster.tell<'post'>({ do: 'post', plan }), schedule }
  }

  /** Resolves once all is delivered, or nothing comes any more. */
  async settle(): Promise<readonly Outcomes['report'][]> {
    const deadline = performance.now() + SETTLE_TIMEOUT_MS
    let seen = -1
    let silentSince = performance.now()
    for (;;) {
      const reports = await this.#tellAll((audience) => audience.tell<'report'>({ do: 'report' }))
      const delivered = sumOf(reports, 'delivered')
      const now = performance.now()
      if (delivered > seen) silentSince = now
      seen = delivered
      if (delivered >= sumOf(reports, 'expected') || now > deadline || now - silentSince > SILENT_MS)
        return reports
      await delay(CHECK_INTERVAL_MS)
    }
  }

  /** Cuts all sockets off at once. */
  async drop(): Promise<void> {
    await this.#tellAll((audience) => audience.tell<'drop'>({ do: 'drop' }))
  }

  /** Connects them all again; answers how long that took, in s. */
  async connect(how: 'fresh' | 'resume'): Promise<number> {
    return Math.max(...(await this.#tellAll((audience) => audience.tell<'connect'>({ do: 'connect', how }))))
  }

  cpu(): Cpu {
    const nodes = this.peer.nodes.map(({ pid }) => cpuOf(pid))
    const redis = cpuOf(this.peer.redisPid)
    const total = ({ userS, systemS }: ReturnType<typeof cpuOf>): number => userS + systemS
    return {
      nodes: nodes.map(total),
      redis: total(redis),
      all: nodes.reduce((sum, node) => sum + total(node), total(redis)),
      system: nodes.reduce((sum, { systemS }) => sum + systemS, redis.systemS),
    }
  }

  /** Of all processes of the server, in bytes. */
  memory(): number {
    return [...this.peer.nodes.map(({ pid }) => pid), this.peer.redisPid].reduce(
      (sum, pid) => sum + memoryOf(pid),
      0,
    )
  }

  #token(user: number, room: number): Promise<string> {
    return makeToken({ sub: `user-${user}`, rooms: [{ group: groupOf(room) }], ttlS: TOKEN_TTL_S })
  }

  #tellAll<T>(tell: (audience: LoadProcess) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#audiences.map(tell))
  }
}

export const cpuSince = (before: Cpu, after: Cpu): Cpu => ({
  nodes: after.nodes.map((s, i) => s - (before.nodes[i] ?? 0)),
  redis: after.redis - before.redis,
  all: after.all - before.all,
  system: after.system - before.system,
})

type Report = Outcomes['report']

const sumOf = (reports: readonly Report[], figure: 'delivered' | 'expected' | 'frames'): number =>
  reports.reduce((sum, report) => sum + report[figure], 0)

export function wrongIn(reports: readonly Report[]): Wrong {
  const figures = ['duplicated', 'misrouted', 'outOfOrder', 'closed', 'gaps'] as const
  const counted = figures.map((figure) => [figure, reports.reduce((sum, report) => sum + report[figure], 0)])
  return {
    lost: sumOf(reports, 'expected') - sumOf(reports, 'delivered'),
    ...(Object.fromEntries(counted) as Wrong),
  }
}
