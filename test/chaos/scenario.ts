import { FEED } from '../../shared/room.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import type { Listener } from './listener.ts'
import { readMetric } from '../support/read-metric.ts'
import type { Row, Size } from './fault.ts'
import { createSender } from './sender.ts'
import type { Sender } from './sender.ts'
import { Stage } from './harness.ts'

const GROUPS = ['lobby', '@TGS#2J4SZEAEL'] as const
const SETTLE_TIMEOUT_MS = 30_000
const PER_SECOND = { short: 50, long: 100 } as const
const LISTENERS_PER_ROOM = { short: 4, long: 30 } as const

type Settings = Readonly<Record<string, string>>

interface CastOptions {
  readonly nodes?: number
  readonly receiver?: Settings
  readonly listenersPerRoom?: number
  /** Recalls in all groups together. */
  readonly perSecond?: number
}

interface OneRedis {
  readonly redis?: Parameters<Stage['startRedis']>[0]
}

/** Who plays: one receiver and some nodes, listeners in each room, and the provider. */
interface Cast {
  readonly receiver: GatewayProcess
  readonly nodes: readonly GatewayProcess[]
  readonly listeners: readonly Listener[]
  readonly sender: Sender
}

/** All on one Redis. */
export async function assemble(stage: Stage, size: Size, options: CastOptions & OneRedis = {}) {
  const redis = await stage.startRedis(options.redis)
  return { redis, ...(await assembleOn({ REDIS_URL: redis.url }, stage, size, options)) }
}

async function assembleOn(
  settings: Settings,
  stage: Stage,
  size: Size,
  options: CastOptions = {},
): Promise<Cast> {
  const roles = ['receiver', ...Array.from({ length: options.nodes ?? 2 }, () => 'node')]
  const [receiver, ...nodes] = await Promise.all(
    roles.map((ROLE) =>
      stage.startGateway({
        ROLE,
        ...settings,
        ...(ROLE === 'receiver' && options.receiver),
      }),
    ),
  )
  if (receiver === undefined) throw new Error('the receiver is the first')
  const urls = nodes.map(({ url }) => url)
  const count = options.listenersPerRoom ?? LISTENERS_PER_ROOM[size]
  const listeners: Listener[] = []
  for (const group of GROUPS) listeners.push(...(await stage.listen(count, { group }, urls)))
  listeners.push(...(await stage.listen(Math.ceil(count / 4), FEED, urls)))
  const sender = createSender({ urls: [receiver.url], groups: GROUPS, ledger: stage.ledger })
  return { receiver, nodes, listeners, sender }
}

/**
 * Plays one fault: while recalls flow steadily, `disturb` does its worst; then everything kept must arrive, and so must
 * one last recall in each group, sent when all is over.
 */
export async function playUnderLoad(
  fault: string,
  size: Size,
  disturb: (cast: Cast & { readonly redis: RedisServer }, stage: Stage) => Promise<unknown>,
  options: CastOptions & OneRedis = {},
): Promise<Row> {
  const prepare = async (stage: Stage) => {
    const redis = await stage.startRedis(options.redis)
    return {
      settings: { REDIS_URL: redis.url },
      disturb: (cast: Cast) => disturb({ redis, ...cast }, stage),
    }
  }
  return playUnderLoadOn(fault, size, prepare, options)
}

/** Plays one fault likewise, on whatever `prepare` starts in the place of one Redis. */
export async function playUnderLoadOn(
  fault: string,
  size: Size,
  prepare: (stage: Stage) => Promise<{
    readonly settings: Settings
    readonly disturb: (cast: Cast) => Promise<unknown>
  }>,
  options: CastOptions = {},
): Promise<Row> {
  return play(fault, async (stage) => {
    const { settings, disturb } = await prepare(stage)
    const cast = await assembleOn(settings, stage, size, options)
    const flow = cast.sender.start(options.perSecond ?? PER_SECOND[size])
    await until('recalls arrive', () => stage.ledger.recalls.some(({ status }) => status === 200))
    try {
      await disturb(cast)
    } finally {
      await flow.stop()
    }
    await conclude(stage, cast.sender)
  })
}

/** Resolves once every gateway is ready, and what the receiver had to spool is published. */
export async function isServed({ receiver, nodes }: Cast): Promise<void> {
  const isReady = async ({ url }: GatewayProcess) => (await fetch(`${url}/readyz`)).status === 200
  const areReady = async () => (await Promise.all([receiver, ...nodes].map(isReady))).every(Boolean)
  await until('the gateways are ready', areReady, SETTLE_TIMEOUT_MS)
  await spoolIsEmpty(receiver)
}

/** Plays one fault on a stage of its own, and clears the stage. */
export async function play(fault: string, perform: (stage: Stage) => Promise<void>): Promise<Row> {
  const stage = new Stage()
  try {
    await perform(stage)
    return await stage.row(fault)
  } finally {
    await stage.close()
  }
}

/** Whatever was published twice stands before the last recalls in each log, so it has arrived with them. */
export async function conclude(stage: Stage, sender: Sender): Promise<void> {
  await stage.settle(SETTLE_TIMEOUT_MS)
  for (const group of sender.groups) {
    await until('a recall is kept again', () => sender.send(group), SETTLE_TIMEOUT_MS)
  }
  await stage.settle(SETTLE_TIMEOUT_MS)
}

/** Resolves once nothing waits in the spool any more. */
export const spoolIsEmpty = (receiver: GatewayProcess): Promise<true> =>
  until('the spool is empty', async () => (await readMetric(receiver.url, 'spool_recalls')) === 0, 30_000)
