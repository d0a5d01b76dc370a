import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { starvedMsOf } from '../bench/process-usage.ts'
import { adminToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
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

interface Scale {
  readonly budgetMb: number
  readonly sockets: number
  readonly streams: number
  readonly responses: number
  readonly fragments: number
  /** Rooms that they listen to, in turn, and recalls of 1,000 messages in each. */
  readonly groups: number
  readonly recalls: number
  /** Beyond the budget and what the process holds when all are connected: logs, recalled sets, and sockets without what waits for them. */
  readonly slackMb: number
}

/** `MEMORY_SCALE=full` takes a minute or two, and 8,000 open files in each process. It prints what it measured. */
const SCALE: Scale =
  process.env['MEMORY_SCALE'] === 'full'
    ? {
        budgetMb: 128,
        sockets: 5_000,
        streams: 200,
        responses: 50,
        fragments: 1_000,
        groups: 250,
        recalls: 4,
        slackMb: 80,
      }
    : {
        budgetMb: 16,
        sockets: 600,
        streams: 40,
        responses: 10,
        fragments: 300,
        groups: 20,
        recalls: 4,
        slackMb: 20,
      }

describe('the memory for what waits', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Starts the peers. Each call of `next` begins their next step, and resolves to its outcome. */
  function startPeers(gateway: GatewayProcess, token: string) {
    const { sockets, streams, responses, fragments, groups } = SCALE
    const counts = [sockets, streams, responses, fragments, groups].map(String)
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

  /** Posts a small webhook every 20 ms until `stop`, and measures how long each took, in ms. */
  function watch(gateway: GatewayProcess) {
    const tookMs: number[] = []
    const failed: unknown[] = []
    let [seq, isStopped] = [1, false]
    // What this machine has no time for is not the gateway's.
    const starvedMs = (): number => starvedMsOf(gateway.pid) + starvedMsOf(process.pid)
    const run = async (): Promise<void> => {
      while (!isStopped) {
        const startedAtMs = performance.now() - starvedMs()
        const body = recallBody({ GroupId: 'quiet', MsgSeqList: [{ MsgSeq: seq++ }] })
        await postWebhook(gateway.url, { body }).then(
          ({ body: { ActionStatus } }) => ActionStatus === 'OK' || failed.push(ActionStatus),
          (error: unknown) => failed.push(error),
        )
        tookMs.push(performance.now() - starvedMs() - startedAtMs)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    const running = run()
    return async () => {
      isStopped = true
      await running
      const sorted = tookMs.toSorted((a, b) => a - b)
      const quantile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? NaN
      return {
        count: sorted.length,
        p50: quantile(0.5),
        p99: quantile(0.99),
        max: quantile(1),
        failed,
      }
    }
  }

  it('is bounded: the fattest peers are sent away, and webhooks are answered meanwhile', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const gateway = await startGatewayProcess({
      ...COUNTING,
      REDIS_URL: redis.url,
      MEMORY_BUDGET_MB: String(SCALE.budgetMb),
      MAX_SOCKETS_PER_ADDRESS: '20000',
      HEARTBEAT_S: '40',
    })
    onCleanUp(gateway.stop)
    const next = startPeers(gateway, await adminToken())
    expect((await next())['opened']).to.equal(SCALE.sockets)
    const baseBytes = await heldBy(gateway)
    const heldMb: number[] = []
    const noteHeld = async (): Promise<void> => void heldMb.push(((await heldBy(gateway)) - baseBytes) / MIB)
    const stop = watch(gateway)
    expect((await next())['opened']).to.equal(SCALE.streams)
    const id = 'x'.repeat(150)
    for (let recall = 0; recall < SCALE.recalls; recall++)
      for (let group = 0; group < SCALE.groups; group++) {
        const MsgSeqList = Array.from({ length: 500 }, (_, i) => ({
          MsgSeq: recall * 500 + i + 1,
          MsgId: id,
        }))
        const answer = await postWebhook(gateway.url, {
          body: recallBody({ GroupId: `g${group}`, MsgSeqList }),
        })
        expect(answer.body.ActionStatus).to.equal('OK')
      }
    await noteHeld()
    const fragments = await next()
    await noteHeld()
    const responses = await next()
    await noteHeld()
    const result = await stop()
    const refusals = fragments['refused'] ?? 0
    if (process.env['MEMORY_SCALE'] !== undefined)
      process.stdout.write(`${JSON.stringify({ ...result, baseBytes, heldMb, fragments, responses })}\n`)
    expect(await readMetric(gateway.url, 'memory_shed_total\\{kind="socket"\\}')).to.be.above(0)
    expect(await readMetric(gateway.url, 'memory_shed_total\\{kind="stream"\\}')).to.be.above(0)
    expect(refusals).to.be.above(0)
    expect(result.failed).to.deep.equal([])
    expect(result.p99).to.be.below(200)
    expect(Math.max(...heldMb)).to.be.below(SCALE.budgetMb + SCALE.slackMb)
  })
})
