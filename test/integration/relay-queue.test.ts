import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { bodyOf, headerOf, startBackend } from '../support/backend-process.ts'
import type { Received } from '../support/backend-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { ATTEMPT_HEADER } from '../support/relay-queue-program.ts'
import type { QueueMemory } from '../support/relay-queue-program.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const PROGRAM = fileURLToPath(new URL('../support/relay-queue-program.js', import.meta.url))
const LANES = 10

/** As the backend got it. */
interface Got {
  readonly lane: string
  readonly number: number
  readonly isRepeat: boolean
}

describe('queue of the relay, in front of a real backend', () => {
  const onCleanUp = cleanUpAfterEach()

  async function setUp() {
    const backend = await startBackend()
    onCleanUp(backend.stop)
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const queued = new Set<number>()
    let added = 0
    let memory: QueueMemory | undefined
    let queue = await startQueue()
    onCleanUp(() => queue.kill('SIGKILL'))

    async function startQueue() {
      const options = JSON.stringify({ dataDir: folder.path, url: backend.url })
      const child = fork(PROGRAM, [options], { execArgv: ['--expose-gc'] })
      await once(child, 'message')
      child.on('message', (message: string | QueueMemory) => {
        if (typeof message === 'string') queued.add(numberIn(message))
        else memory = message
      })
      return child
    }

    return {
      backend,
      queued,
      /** Numbers them from 0; one lane after another takes one. */
      add(count: number, fillingBytes = 0): void {
        for (let i = 0; i < count; i++, added++)
          queue.send({ lane: laneOf(added), name: `${laneOf(added)} ${added}`, fillingBytes })
      },
      async memory(): Promise<QueueMemory> {
        memory = undefined
        queue.send('memory')
        return await waitUntil('it tells its memory', () => memory)
      },
      added: () => added,
      async killQueue(): Promise<void> {
        const exited = once(queue, 'exit')
        queue.kill('SIGKILL')
        await exited
      },
      async restartQueue(): Promise<void> {
        queue = await startQueue()
      },
      got: (): Got[] => backend.received().map(toGot),
    }
  }

  const laneOf = (number: number): string => `g${number % LANES}`
  const numberIn = (name: string): number => Number(name.split(' ')[1])

  function toGot(received: Received): Got {
    const { name } = JSON.parse(bodyOf(received).toString()) as { name: string }
    const isRepeat = Number(headerOf(received, ATTEMPT_HEADER)) > 1
    return { lane: laneOf(numberIn(name)), number: numberIn(name), isRepeat }
  }

  /** Each once, or marked as a repeat from the second time on; and the first ones in the order of their lane. */
  function expectKept(got: readonly Got[], queued: Iterable<number>): void {
    const seen = new Set<number>()
    const lastOf = new Map<string, number>()
    for (const { lane, number, isRepeat } of got) {
      if (seen.has(number)) expect(isRepeat, `repeat of ${number} is marked`).to.equal(true)
      else {
        expect(number, lane).to.be.above(lastOf.get(lane) ?? -1)
        lastOf.set(lane, number)
      }
      seen.add(number)
    }
    expect([...queued].filter((number) => !seen.has(number))).to.deep.equal([])
  }

  it('delivers everything in order once a backend is back that was killed under load', async () => {
    const { backend, add, added, got, queued } = await setUp()
    await backend.behave({ kind: 'answer', delayMs: 20 })
    for (let i = 0; i < 40; i++) {
      add(10)
      await delay(50)
      if (i === 5) await backend.kill()
      if (i === 30) {
        await backend.restart()
        await backend.behave({ kind: 'answer', delayMs: 20 })
      }
    }
    await waitUntil(
      'the backend has got all',
      () => new Set(got().map(({ number }) => number)).size === added(),
    )
    await waitUntil('all are queued', () => queued.size === added())
    const all = got()
    expectKept(all, queued)
    // Those that were under way, and those that probed.
    expect(all.filter(({ isRepeat }) => isRepeat).length).to.be.below(60)
  })

  it('survives kill -9, with what it holds and while it delivers', async () => {
    const { backend, add, killQueue, restartQueue, queued, got } = await setUp()
    await backend.kill()
    add(1_000)
    await waitUntil('many are on disk', () => queued.size > 300)
    await killQueue()
    const kept = queued.size
    await backend.restart()
    await backend.behave({ kind: 'answer', delayMs: 5 })
    for (let i = 1; i <= 3; i++) {
      await restartQueue()
      await waitUntil('some are delivered', () => got().length >= i * 80)
      await killQueue()
    }
    await restartQueue()
    add(100)
    await waitUntil('the new ones are queued', () => queued.size === kept + 100)
    await waitUntil('the backend has got all', () => {
      const numbers = new Set(got().map(({ number }) => number))
      return [...queued].every((number) => numbers.has(number))
    })
    expectKept(got(), queued)
  })

  it('holds nothing in memory of the bodies that wait', async () => {
    const { backend, add, memory, queued } = await setUp()
    await backend.kill()
    for (let i = 1; i <= 10; i++) {
      add(100, 50_000)
      await waitUntil('they are queued', () => queued.size === i * 100)
    }
    // 50 MB are on disk. What is free is swept a moment after it was collected.
    await waitUntil('the bodies are let go', async () => (await memory()).buffers < 10_000_000)
  })
})
