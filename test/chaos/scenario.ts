import { FEED } from '../../shared/room.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import type { FaultResult, Profile } from './fault.ts'
import { Harness } from './harness.ts'
import type { Listener } from './listener.ts'
import { createSender } from './sender.ts'
import type { Sender } from './sender.ts'
import { reloadRepeatedly } from './truth/reload.ts'
import type { TruthClient } from './truth/truth-client.ts'

const GROUPS = ['lobby', '@TGS#2J4SZEAEL'] as const
const SETTLE_TIMEOUT_MS = 30_000
const PER_SECOND = { short: 50, long: 100 } as const
const LISTENERS_PER_ROOM = { short: 4, long: 30 } as const

type Settings = Readonly<Record<string, string>>

interface DeploymentOptions {
  readonly nodes?: number
  /** Further settings of the receiver, and of the nodes. */
  readonly receiver?: Settings
  readonly node?: Settings
  readonly listenersPerRoom?: number
  /** Recalls per second, in all groups together. */
  readonly perSecond?: number
}

interface RedisOptions {
  readonly redis?: Parameters<Harness['startRedis']>[0]
}

/** One receiver and some nodes, listeners in each room, and a sender that stands in for the provider. */
interface Deployment {
  readonly receiver: GatewayProcess
  readonly nodes: readonly GatewayProcess[]
  readonly listeners: readonly Listener[]
  /** Clients of the package. The last one is reloaded again and again. */
  readonly clients: readonly TruthClient[]
  readonly sender: Sender
}

/** Starts one Redis, and a deployment on it. */
export async function startDeployment(
  harness: Harness,
  profile: Profile,
  options: DeploymentOptions & RedisOptions = {},
) {
  const redis = await harness.startRedis(options.redis)
  return { redis, ...(await startDeploymentWith({ REDIS_URL: redis.url }, harness, profile, options)) }
}

async function startDeploymentWith(
  settings: Settings,
  harness: Harness,
  profile: Profile,
  options: DeploymentOptions = {},
): Promise<Deployment> {
  const roles = ['receiver', ...Array.from({ length: options.nodes ?? 2 }, () => 'node')]
  const [receiver, ...nodes] = await Promise.all(
    roles.map((ROLE) =>
      harness.startGateway({
        ROLE,
        ...settings,
        ...(ROLE === 'receiver' ? options.receiver : options.node),
      }),
    ),
  )
  if (receiver === undefined) throw new Error('the receiver is the first')
  const urls = nodes.map(({ url }) => url)
  const count = options.listenersPerRoom ?? LISTENERS_PER_ROOM[profile]
  const listeners: Listener[] = []
  for (const group of GROUPS) listeners.push(...(await harness.startListeners(count, { group }, urls)))
  listeners.push(...(await harness.startListeners(Math.ceil(count / 4), FEED, urls)))
  const ports = nodes.map(({ port }) => port)
  const clients = await Promise.all([
    harness.startTruthClient({ name: 'the client of a group', ports, rooms: [{ group: GROUPS[0] }] }),
    harness.startTruthClient({ name: 'the client of two rooms', ports, rooms: [{ group: GROUPS[1] }, FEED] }),
    harness.startTruthClient({ name: 'the client that is reloaded', ports, rooms: [FEED] }),
  ])
  const sender = createSender({ urls: [receiver.url], groups: GROUPS, recorder: harness.recorder })
  return { receiver, nodes, listeners, clients, sender }
}

/**
 * Runs one fault under load. While recalls are sent at a steady rate, `injectFault` does its worst. Afterwards every
 * acknowledged recall must arrive, and so must one final recall in each group. Then every client is live.
 */
export async function runUnderLoad(
  fault: string,
  profile: Profile,
  injectFault: (
    deployment: Deployment & { readonly redis: RedisServer },
    harness: Harness,
  ) => Promise<unknown>,
  options: DeploymentOptions & RedisOptions = {},
): Promise<FaultResult> {
  const prepare = async (harness: Harness) => {
    const redis = await harness.startRedis(options.redis)
    return {
      settings: { REDIS_URL: redis.url },
      injectFault: (deployment: Deployment) => injectFault({ redis, ...deployment }, harness),
    }
  }
  return runUnderLoadOn(fault, profile, prepare, options)
}

/** Like `runUnderLoad`, on whatever `prepare` starts instead of one Redis. */
export async function runUnderLoadOn(
  fault: string,
  profile: Profile,
  prepare: (harness: Harness) => Promise<{
    readonly settings: Settings
    /** Of the nodes, if they differ. */
    readonly node?: Settings
    readonly injectFault: (deployment: Deployment) => Promise<unknown>
  }>,
  options: DeploymentOptions = {},
): Promise<FaultResult> {
  return runScenario(fault, async (harness) => {
    const { settings, node, injectFault } = await prepare(harness)
    const deployment = await startDeploymentWith(settings, harness, profile, {
      ...(node && { node }),
      ...options,
    })
    const load = deployment.sender.start(options.perSecond ?? PER_SECOND[profile])
    await waitUntil('a recall is acknowledged', () =>
      harness.recorder.recalls.some(({ status }) => status === 200),
    )
    const reloading = reloadRepeatedly(deployment.clients.at(-1))
    try {
      await injectFault(deployment)
    } finally {
      await reloading.stop()
      await load.stop()
    }
    await sendFinalRecalls(harness, deployment.sender)
  })
}

/** Runs one scenario in a harness of its own, and stops whatever it started. */
export async function runScenario(
  fault: string,
  scenario: (harness: Harness) => Promise<void>,
): Promise<FaultResult> {
  const harness = new Harness()
  try {
    await scenario(harness)
    return await harness.result(fault)
  } finally {
    await harness.close()
  }
}

/**
 * Waits until everything is delivered, then sends one recall in each group, and waits for these too. Any duplicate would
 * precede the final recall in its log, so it would have arrived by then.
 */
export async function sendFinalRecalls(harness: Harness, sender: Sender): Promise<void> {
  await harness.settle(SETTLE_TIMEOUT_MS)
  for (const group of sender.groups) {
    await waitUntil('a final recall is acknowledged', () => sender.send(group), SETTLE_TIMEOUT_MS)
  }
  await harness.settle(SETTLE_TIMEOUT_MS)
  await harness.expectLive()
  await harness.expectRecalled()
}

/** Resolves once every gateway is ready and the receiver has published its spool. */
export async function waitUntilServed({ receiver, nodes }: Deployment): Promise<void> {
  const isReady = async ({ url }: GatewayProcess) => (await fetch(`${url}/readyz`)).status === 200
  const areReady = async () => (await Promise.all([receiver, ...nodes].map(isReady))).every(Boolean)
  await waitUntil('the gateways are ready', areReady, SETTLE_TIMEOUT_MS)
  await waitUntilSpoolIsEmpty(receiver)
}

/** Resolves once the receiver has published its spool. */
export const waitUntilSpoolIsEmpty = (receiver: GatewayProcess): Promise<true> =>
  waitUntil('the spool is empty', async () => (await readMetric(receiver.url, 'spool_recalls')) === 0, 30_000)
