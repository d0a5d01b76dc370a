import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { starvedMsOf } from '../bench/process-usage.ts'
import { adminToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { COUNTING, workOf } from '../support/gateway-work.ts'
import { programPath } from '../support/programs.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const SCRIPT = fileURLToPath(new URL('../../../test/support/slow-peers.py', import.meta.url))
const MIB = 2 ** 20

const BUDGET_MB = 32
const SOCKETS = 5_000
const STREAMS = 60
const RESPONSES = 20
const FRAGMENTS = 1_000
/** Rooms that they listen to, in turn, and recalls in each. */
const GROUPS = 100
const RECALLS = 4
/** Beyond the budget and what the process holds when all are connected: logs, recalled sets, and sockets without what waits for them. */
const SLACK_MB = 80
const TIMEOUT_MS = 240_000
/** Of the time, in which the machine had no processor for the gateway. Beyond it, the worst webhook says nothing about the gateway. */
const QUIET = 0.05

describe('the memory for what waits', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Starts the peers. Each call of `next` begins their next step, and resolves to its outcome. */
  function startPeers(gateway: GatewayProcess, token: string) {
    const counts = [SOCKETS, STREAMS, RESPONSES, FRAGMENTS, GROUPS].map(String)
    const child = spawn(programPath('python'), [SCRIPT, String(gateway.port), token, ...counts])
    onCleanUp(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    let seen = 0
    return async (): Promise<Readonly<Record<string, number>>> => {
      if (seen > 0) child.stdin.write('\n')
      const lines = (): string[] => output.split('\n').slice(0, -1)
      await waitUntil('the peers', () => lines().length > seen || child.exitCode !== null, 150_000)
      return JSON.parse(lines()[seen++] ?? output) as Readonly<Record<string, number>>
    }
  }

  /** What the gateway holds once what nobody needs is collected, in bytes. */
  async function heldBy(gateway: GatewayProcess): Promise<number> {
    const { heapBytes, bufferBytes } = await workOf(gateway)
    return heapBytes + bufferBytes
  }

  /** Posts webhooks, and measures how long each took, in ms. */
  function measure(gateway: GatewayProcess) {
    const tookMs: number[] = []
    const failed: unknown[] = []
    const fairMs = fairClock(gateway.pid)
    const begun = { atMs: performance.now(), starvedMs: starvedMsOf(gateway.pid) }
    return {
      async post(body: object): Promise<void> {
        const startedAtMs = fairMs()
        await postWebhook(gateway.url, { body }).then(
          (answer) => answer.body.ActionStatus === 'OK' || failed.push(answer.body),
          (error: unknown) => failed.push(error),
        )
        tookMs.push(fairMs() - startedAtMs)
      },
      result() {
        const sorted = tookMs.toSorted((a, b) => a - b)
        const quantile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? NaN
        const starved = (starvedMsOf(gateway.pid) - begun.starvedMs) / (performance.now() - begun.atMs)
        return {
          count: sorted.length,
          p50: quantile(0.5),
          p99: quantile(0.99),
          max: quantile(1),
          isQuiet: starved < QUIET,
          failed,
        }
      },
    }
  }

  /** Posts a small webhook every 20 ms until `stop`. */
  function postSmall({ post }: Pick<ReturnType<typeof measure>, 'post'>): () => Promise<void> {
    let [seq, isStopped] = [1, false]
    const run = async (): Promise<void> => {
      while (!isStopped) {
        await post(recallBody({ GroupId: 'quiet', MsgSeqList: [{ MsgSeq: seq++ }] }))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    const running = run()
    return async () => {
      isStopped = true
      await running
    }
  }

  it('is bounded: the fattest peers are sent away, and webhooks are answered meanwhile', async function () {
    this.timeout(TIMEOUT_MS)
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const gateway = await startGatewayProcess({
      ...COUNTING,
      REDIS_URL: redis.url,
      MEMORY_BUDGET_MB: String(BUDGET_MB),
      MAX_SOCKETS_PER_ADDRESS: '20000',
      HEARTBEAT_S: '40',
    })
    onCleanUp(gateway.stop)
    const next = startPeers(gateway, await adminToken())
    expect((await next())['opened']).to.equal(SOCKETS)
    const baseBytes = await heldBy(gateway)
    const heldMb: number[] = []
    const noteHeld = async (): Promise<void> => void heldMb.push(((await heldBy(gateway)) - baseBytes) / MIB)
    const webhooks = measure(gateway)
    const stop = postSmall(webhooks)
    expect((await next())['opened']).to.equal(STREAMS)
    const id = 'x'.repeat(150)
    for (let recall = 0; recall < RECALLS; recall++)
      for (let group = 0; group < GROUPS; group++) {
        const MsgSeqList = Array.from({ length: 500 }, (_, i) => ({
          MsgSeq: recall * 500 + i + 1,
          MsgId: id,
        }))
        await webhooks.post(recallBody({ GroupId: `g${group}`, MsgSeqList }))
      }
    await noteHeld()
    const fragments = await next()
    await noteHeld()
    expect((await next())['opened']).to.equal(RESPONSES)
    await noteHeld()
    await stop()
    const { failed, ...took } = webhooks.result()
    expect(await readMetric(gateway.url, 'memory_shed_total\\{kind="socket"\\}')).to.be.above(0)
    expect(await readMetric(gateway.url, 'memory_shed_total\\{kind="stream"\\}')).to.be.above(0)
    expect(fragments['refused']).to.be.above(0)
    expect(failed).to.deep.equal([])
    // The provider waits for 2 s. A disk or a processor of a busy machine may take some of it.
    expect(took.p99, JSON.stringify(took)).to.be.below(1_000)
    if (took.isQuiet) expect(took.max, JSON.stringify(took)).to.be.below(1_500)
    expect(Math.max(...heldMb)).to.be.below(BUDGET_MB + SLACK_MB)
  })
})
