import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { bodyOf, headerOf, startBackend } from '../support/backend-process.ts'
import type { Backend } from '../support/backend-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const AFTER = 'Group.CallbackAfterSendMsg'
const BEFORE = 'Group.CallbackBeforeSendMsg'
const RECALL = 'Group.CallbackAfterRecallMsg'
const GROUPS = 8
/** The provider waits as long. */
const PROVIDER_TIMEOUT_MS = 2_000

describe('an outage of the app backend', () => {
  const onCleanUp = cleanUpAfterEach()

  async function setUp() {
    const backend = await startBackend({ token: WEBHOOK_TOKEN })
    onCleanUp(backend.stop)
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
      const relay = { RELAY_URL: backend.url, RELAY_FALLBACK: 'allow' }
      const gateway = await startGatewayProcess({ DATA_DIR: folder.path, ...relay, ...settings })
      onCleanUp(async () => {
        gateway.signal('SIGKILL')
        await gateway.exited
      })
      return gateway
    }
    return { backend, start }
  }

  const post = (gateway: GatewayProcess, command: string, group: number, seq: number) =>
    postWebhook(gateway.url, {
      query: signedQuery(command),
      body:
        command === RECALL
          ? recallBody({ GroupId: `g${group}`, MsgSeqList: [{ MsgSeq: seq }], EventTime: Date.now() })
          : { CallbackCommand: command, GroupId: `g${group}`, From_Account: 'u', MsgSeq: seq },
    })

  interface Got {
    readonly group: string
    readonly seq: number
    readonly isRepeat: boolean
  }

  const gotOf = (backend: Backend): Got[] =>
    backend
      .received()
      .filter(({ command }) => command !== BEFORE)
      .map((received) => {
        const body = JSON.parse(bodyOf(received).toString()) as {
          GroupId: string
          MsgSeq?: number
          MsgSeqList?: { MsgSeq: number }[]
        }
        const seq = body.MsgSeq ?? body.MsgSeqList?.[0]?.MsgSeq ?? -1
        return {
          group: body.GroupId,
          seq,
          isRepeat: headerOf(received, 'Recall-Gateway-Attempt') !== undefined,
        }
      })

  /** All of them once, or marked as a repeat from the second time on; and the first ones in the order of their group. */
  function expectKept(got: readonly Got[], posted: readonly number[]): void {
    const seen = new Set<string>()
    const last = new Map<string, number>()
    for (const { group, seq, isRepeat } of got) {
      const name = `${group} ${seq}`
      if (seen.has(name)) expect(isRepeat, `repeat of ${name} is marked`).to.equal(true)
      else {
        expect(seq, group).to.equal((last.get(group) ?? -1) + 1)
        last.set(group, seq)
      }
      seen.add(name)
    }
    expect(posted.map((_, group) => (last.get(`g${group}`) ?? -1) + 1)).to.deep.equal(posted)
  }

  const distinct = (backend: Backend): number =>
    new Set(gotOf(backend).map(({ group, seq }) => `${group} ${seq}`)).size

  it('delays what it may not miss, and nothing else', async () => {
    const { backend, start } = await setUp()
    const gateway = await start()
    await backend.behave({ kind: 'answer', delayMs: 20 })
    let isDone = false
    const fairMs = fairClock(gateway.pid)
    const tookMs: Record<string, number[]> = { [AFTER]: [], [BEFORE]: [], [RECALL]: [] }
    const timed = async (command: string, group: number, seq: number): Promise<void> => {
      const startMs = fairMs()
      const { status, body } = await post(gateway, command, group, seq)
      tookMs[command]?.push(fairMs() - startMs)
      expect([status, body.ActionStatus], command).to.deep.equal([200, 'OK'])
    }
    // Every tenth is a recall.
    const posting = Array.from({ length: GROUPS }, async (_, group) => {
      let seq = 0
      for (; !isDone; seq++) {
        await timed(seq % 10 === 9 ? RECALL : AFTER, group, seq)
        await timed(BEFORE, group, seq)
        await delay(20)
      }
      return seq
    })
    await delay(500)
    await backend.kill()
    await delay(4_000)
    await backend.restart()
    await backend.behave({ kind: 'answer', delayMs: 20 })
    await delay(1_500)
    isDone = true
    const posted = await Promise.all(posting)
    const total = posted.reduce((sum, count) => sum + count, 0)
    await waitUntil('the backend has got all', () => distinct(backend) === total, 30_000)
    expectKept(gotOf(backend), posted)
    // One or the other may wait for a disk that is busy.
    const mostMs = (all: readonly number[] = []): number => all.toSorted((a, b) => a - b).at(-3) ?? NaN
    for (const [command, all] of Object.entries(tookMs))
      expect(mostMs(all), command).to.be.below(PROVIDER_TIMEOUT_MS)
    expect(mostMs(tookMs[RECALL]), 'a recall does not wait for it').to.be.below(1_000)
  })

  it('may end after the gateway was killed: what it holds is delivered by the next process', async () => {
    const { backend, start } = await setUp()
    let gateway = await start()
    await backend.kill()
    const posted = Array.from({ length: GROUPS }, () => 40)
    const fill = async (group: number): Promise<void> => {
      for (let seq = 0; seq < 40; seq++) {
        const { status } = await post(gateway, seq % 10 === 9 ? RECALL : AFTER, group, seq)
        expect(status).to.equal(200)
      }
    }
    await Promise.all(posted.map((_, group) => fill(group)))
    gateway.signal('SIGKILL')
    await gateway.exited
    await backend.restart()
    await backend.behave({ kind: 'answer', delayMs: 50 })
    gateway = await start()
    await waitUntil('it delivers', () => distinct(backend) > 50)
    gateway.signal('SIGKILL')
    await gateway.exited
    gateway = await start()
    await waitUntil('the backend has got all', () => distinct(backend) === GROUPS * 40, 30_000)
    expectKept(gotOf(backend), posted)
  })

  it('holds up no stop', async () => {
    const { backend, start } = await setUp()
    const gateway = await start()
    await backend.behave({ kind: 'hang' })
    await Promise.all(Array.from({ length: GROUPS }, (_, group) => post(gateway, AFTER, group, 0)))
    const startMs = performance.now()
    gateway.signal('SIGTERM')
    expect(await gateway.exited).to.equal(0)
    // An attempt would take 10 s.
    expect(performance.now() - startMs).to.be.below(8_000)
    await backend.restart()
    await start()
    await waitUntil(
      'all are repeated',
      () => gotOf(backend).filter(({ isRepeat }) => isRepeat).length >= GROUPS,
    )
  })

  it('is told of when the gateway has no RELAY_URL any more', async () => {
    const { backend, start } = await setUp()
    const gateway = await start()
    await backend.kill()
    await post(gateway, AFTER, 1, 0)
    gateway.signal('SIGTERM')
    await gateway.exited
    const without = await start({ RELAY_URL: '', RELAY_FALLBACK: '' })
    expect(without.output()).to.contain('a request waits in DATA_DIR for the backend of the app')
    const response = await fetch(`${without.url}/readyz`)
    expect(response.status).to.equal(200)
    expect(JSON.stringify(await response.json())).to.contain('set it again')
  })
})
