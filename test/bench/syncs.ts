import { createClient } from 'redis'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { nowUs } from './clock.ts'
import { cpuOf } from './process-usage.ts'
import { Histogram, median } from './statistics.ts'
import { formatNumber, toTable } from './table.ts'
import { postRecalls } from './webhook-load.ts'

/** What Redis does before it confirms a recall, from the least to the most. */
const WAYS = {
  'appendonly no': { flags: ['--appendonly', 'no'] },
  everysec: { flags: ['--appendfsync', 'everysec'] },
  'everysec, REDIS_WAIT_AOF=1': { flags: ['--appendfsync', 'everysec'], waits: true },
  always: { flags: ['--appendfsync', 'always'] },
  'always, REDIS_WAIT_AOF=1': { flags: ['--appendfsync', 'always'], waits: true },
} as const satisfies Readonly<Record<string, { flags: readonly string[]; waits?: boolean }>>

const RATES = [50, 500]
const START_DELAY_US = 500_000
/** A recall may wait so long for its sync, and its connection with it. */
const LONGEST_S = 1.8

interface Figures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly receiverS: number
  readonly redisS: number
  readonly spooled: number
  readonly refused: number
}

/** Prints what it costs to answer webhooks only once Redis has synced. All ways take turns, so that other load affects them alike. */
export async function printSyncs(
  { reps, seconds }: { readonly reps: number; readonly seconds: number },
  print: (text: string) => void,
): Promise<void> {
  for (const rate of RATES) {
    const figuresOf = new Map<string, Figures[]>()
    for (let rep = 0; rep < reps; rep++)
      for (const name of Object.keys(WAYS) as (keyof typeof WAYS)[]) {
        process.stderr.write(`${rate}/s, ${name}, ${rep + 1} of ${reps}\n`)
        const figures = await measure(WAYS[name], rate, seconds)
        if (figures !== undefined) figuresOf.set(name, [...(figuresOf.get(name) ?? []), figures])
      }
    print(`### ${rate} recalls/s for ${seconds} s, ${reps === 1 ? 'one run' : `median of ${reps} runs`}\n\n`)
    print(`${toSyncTable(figuresOf, (rate * seconds) / 1_000)}\n`)
  }
}

/** Undefined if this Redis does not know WAITAOF. Rejects if it answers it too early. */
async function measure(
  { flags, waits = false }: { readonly flags: readonly string[]; readonly waits?: boolean },
  rate: number,
  seconds: number,
): Promise<Figures | undefined> {
  const folder = temporaryFolder()
  const redis = await startRedis({ dataDir: folder.path, flags })
  try {
    if (waits && !(await isKnown(redis.url))) return undefined
    const gateway = await startGatewayProcess({
      REDIS_URL: redis.url,
      ROLE: 'receiver',
      REDIS_WAIT_AOF: waits ? '1' : '0',
    })
    try {
      await waitUntil('Redis is trusted', () => isTrusted(gateway.url))
      const post = (first: number, recalls: number) =>
        postRecalls({
          port: gateway.port,
          rooms: 100,
          connections: Math.ceil(rate * LONGEST_S) + 8,
          first,
          recalls,
          everyUs: 1e6 / rate,
          startUs: nowUs() + START_DELAY_US,
        })
      await post(1, rate)
      const spooledBefore = await readSpooled(gateway.url)
      const before = [gateway.pid, redis.pid].map(cpuSecondsOf)
      const { refused, latencies } = await post(rate + 1, rate * seconds)
      const [receiverS = NaN, redisS = NaN] = [gateway.pid, redis.pid].map(
        (pid, i) => cpuSecondsOf(pid) - (before[i] ?? 0),
      )
      const histogram = new Histogram(latencies)
      const [p50Ms = NaN, p99Ms = NaN] = [0.5, 0.99].map((q) => histogram.quantileUs(q) / 1_000)
      const spooled = (await readSpooled(gateway.url)) - spooledBefore
      return { p50Ms, p99Ms, receiverS, redisS, spooled, refused }
    } finally {
      await gateway.stop()
    }
  } finally {
    await redis.stop()
    folder.remove()
  }
}

async function isKnown(url: string): Promise<boolean> {
  const client = await createClient({ url, RESP: 2 }).connect()
  const [known] = await client.sendCommand<unknown[]>(['COMMAND', 'INFO', 'waitaof'])
  client.destroy()
  return known !== null
}

async function isTrusted(url: string): Promise<boolean> {
  const { checks } = (await (await fetch(`${url}/readyz`)).json()) as {
    readonly checks: { readonly broker: boolean }
  }
  return checks.broker
}

/** Returns how many recalls a gateway has taken through its spool. */
export const readSpooled = (url: string): Promise<number> =>
  readMetric(url, 'recalls_kept_total{where="spool",duplicate="false"}').catch(() => 0)

function cpuSecondsOf(pid: number): number {
  const { userS, systemS } = cpuOf(pid)
  return userS + systemS
}

const toSyncTable = (figuresOf: ReadonlyMap<string, readonly Figures[]>, thousands: number): string =>
  toTable([
    [
      'Redis',
      'OK after, p50; p99, ms',
      'receiver, CPU s per 1,000',
      'Redis, CPU s per 1,000',
      'through the spool',
      'refused',
    ],
    ...[...figuresOf].map(([name, all]) => {
      const middle = (pick: (figures: Figures) => number): number => median(all.map(pick))
      return [
        name,
        `${formatNumber(middle(({ p50Ms }) => p50Ms))}; ${formatNumber(middle(({ p99Ms }) => p99Ms))}`,
        formatNumber(middle(({ receiverS }) => receiverS) / thousands),
        formatNumber(middle(({ redisS }) => redisS) / thousands),
        formatNumber(middle(({ spooled }) => spooled)),
        formatNumber(middle(({ refused }) => refused)),
      ]
    }),
  ])
