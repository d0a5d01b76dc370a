import { expect } from 'chai'
import type { Attempt } from '../../server/receiver/relay/relayed-request.ts'
import { asGatewayError } from '../../shared/errors.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { answered, failed, nameOf, openObservedQueue, relayedRequest } from '../support/relay-queue.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

type Observed = ReturnType<typeof openObservedQueue>

describe('queue of the relay', () => {
  const onCleanUp = cleanUpAfterEach()

  function createFolder(): string {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    return folder.path
  }

  function open(...args: Parameters<typeof openObservedQueue>): Observed {
    const observed = openObservedQueue(...args)
    onCleanUp(observed.queue.stop)
    return observed
  }

  const isEmpty = ({ queue }: Observed) => waitUntil('the queue is empty', () => queue.depth().requests === 0)

  it('delivers the requests of a lane one after another in order, and several lanes concurrently', async () => {
    const observed = open({ dataDir: createFolder() }, async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return answered()
    })
    const { queue, tried, state } = observed
    const names = Array.from({ length: 300 }, (_, i) => String(i))
    await Promise.all(
      names.map((name) => queue.add(relayedRequest(`g${Number(name) % 30}`, name), 'untried')),
    )
    queue.start()
    await isEmpty(observed)
    for (let lane = 0; lane < 30; lane++) {
      const own = tried.filter((one) => one.lane === `g${lane}`).map(({ name }) => Number(name))
      expect(own).to.deep.equal(names.map(Number).filter((i) => i % 30 === lane))
    }
    expect(state.mostUnderWay).to.equal(16)
    expect(tried.every(({ attempt }) => attempt === 1)).to.equal(true)
  })

  it('writes no line to the log for what it delivers at once, such as every recall', async () => {
    const observed = open({ dataDir: createFolder() })
    observed.queue.start()
    for (const name of ['first', 'second']) {
      await observed.queue.add(relayedRequest('g1', name), 'untried')
      await isEmpty(observed)
    }
    expect(observed.logged).to.deep.equal([])
  })

  it('marks a request that was tried before it was queued as a repeat', async () => {
    const observed = open({ dataDir: createFolder() })
    const { queue, tried } = observed
    queue.start()
    await queue.add(relayedRequest('g1', 'tried'), 'failed')
    await queue.add(relayedRequest('g1', 'behind'), 'behind')
    await isEmpty(observed)
    expect(tried.map(({ name, attempt }) => [name, attempt])).to.deep.equal([
      ['tried', 2],
      ['behind', 1],
    ])
  })

  it('delivers a request before a later one of its lane that was queued first', async () => {
    const observed = open({ dataDir: createFolder() })
    const { queue, tried } = observed
    queue.start()
    const [first, second, third] = [queue.arrive('g1'), queue.arrive('g1'), queue.arrive('g1')]
    await queue.add(relayedRequest('g1', 'second'), 'failed', second)
    await queue.add(relayedRequest('g2', 'other lane'), 'failed')
    await waitUntil('the other lane is delivered', () => tried.length === 1)
    expect(queue.hasLane('g1')).to.equal(true)
    third.leave()
    await queue.add(relayedRequest('g1', 'first'), 'failed', first)
    await isEmpty(observed)
    expect(tried.map(({ name }) => name)).to.deep.equal(['other lane', 'first', 'second'])
  })

  it('delivers what waits for an earlier request once that needs no queue', async () => {
    const observed = open({ dataDir: createFolder() })
    const { queue, tried } = observed
    queue.start()
    const [first, second] = [queue.arrive('g1'), queue.arrive('g1')]
    await queue.add(relayedRequest('g1', 'second'), 'failed', second)
    expect(tried).to.deep.equal([])
    first.leave()
    first.leave()
    await isEmpty(observed)
    expect(tried).to.have.length(1)
  })

  it('says which requests have to queue behind others of their lane', async () => {
    const { queue } = open({ dataDir: createFolder() })
    const first = queue.arrive('g1')
    const second = queue.arrive('g1')
    expect([first.mustQueue, second.mustQueue]).to.deep.equal([false, false])
    const adding = queue.add(relayedRequest('g1', 'first'), 'failed', first)
    expect(queue.hasLane('g1'), 'while it is written').to.equal(true)
    expect(queue.arrive('g1').mustQueue).to.equal(true)
    await adding
    expect(queue.arrive('g1').mustQueue).to.equal(true)
    expect(queue.arrive('g2').mustQueue).to.equal(false)
    expect(queue.arrive('g2').mustQueue, 'behind one under way that may fail like the others').to.equal(true)
  })

  it('holds back what comes behind a recall that is still being stored', async () => {
    const observed = open({ dataDir: createFolder() })
    const { queue, tried } = observed
    queue.start()
    const recall = queue.arrive('g1', true)
    const behind = queue.arrive('g1')
    expect([behind.mustQueue, queue.arrive('g2').mustQueue]).to.deep.equal([true, false])
    await queue.add(relayedRequest('g1', 'behind'), 'behind', behind)
    await queue.add(relayedRequest('g1', 'recall'), 'untried', recall)
    await isEmpty(observed)
    expect(tried.map(({ name }) => name)).to.deep.equal(['recall', 'behind'])
    const refused = queue.arrive('g1', true)
    refused.leave()
    expect(queue.arrive('g1').mustQueue).to.equal(false)
  })

  it('is bounded: a full queue refuses at once, and takes more once there is room', async () => {
    const observed = open({ dataDir: createFolder(), maxRequests: 2 })
    const { queue } = observed
    await queue.add(relayedRequest('g1', 'a'), 'failed')
    await queue.add(relayedRequest('g1', 'b'), 'failed')
    const refusal = await queue.add(relayedRequest('g1', 'c'), 'failed').catch(asGatewayError)
    expect(refusal?.code).to.equal('NOT_KEPT')
    expect(refusal?.message).to.contain('queue is full')
    queue.start()
    await isEmpty(observed)
    await queue.add(relayedRequest('g1', 'd'), 'failed')

    const small = open({ dataDir: createFolder(), maxBytes: 1_000 }).queue
    await small.add(relayedRequest('g1', 'a'), 'failed')
    const body = Buffer.alloc(900)
    const tooMuch = await small
      .add(relayedRequest('g1', 'b', { body }), 'failed')
      .catch((error: unknown) => error)
    expect(String(tooMuch)).to.contain('RELAY_QUEUE_MAX_BYTES')
    expect(small.depth().requests).to.equal(1)
  })

  it('delivers what an earlier process has left, in order, marked as repeats', async () => {
    const dataDir = createFolder()
    const before = openObservedQueue({ dataDir })
    const [first, second] = [before.queue.arrive('g1'), before.queue.arrive('g1')]
    await before.queue.add(relayedRequest('g1', 'second'), 'untried', second)
    await before.queue.add(relayedRequest('g1', 'first'), 'untried', first)
    await before.queue.stop()
    const observed = open({ dataDir })
    await observed.queue.add(relayedRequest('g1', 'third'), 'behind')
    observed.queue.start()
    await isEmpty(observed)
    expect(observed.tried.map(({ name, attempt }) => [name, attempt])).to.deep.equal([
      ['first', 2],
      ['second', 2],
      ['third', 1],
    ])
  })

  it('repeats after a restart what was under way when it stopped, which takes no longer than its share', async () => {
    const dataDir = createFolder()
    const hanging = openObservedQueue(
      { dataDir },
      (_, __, signal) =>
        new Promise<Attempt>((resolve) => signal?.addEventListener('abort', () => resolve(failed()))),
    )
    hanging.queue.start()
    await hanging.queue.add(relayedRequest('g1', 'a'), 'untried')
    await waitUntil('it is under way', () => hanging.tried.length === 1)
    const fairMs = fairClock()
    const startMs = fairMs()
    await hanging.queue.stop()
    expect(fairMs() - startMs).to.be.below(1_500)
    expect(hanging.tried).to.have.length(1)
    const observed = open({ dataDir })
    observed.queue.start()
    await isEmpty(observed)
    expect(observed.tried.map(({ attempt }) => attempt)).to.deep.equal([2])
  })

  describe('with answers of the backend', () => {
    it('takes any status of success for delivered, and counts those that say FAIL', async () => {
      const answers: Record<string, Attempt> = {
        fine: answered(),
        fail: answered(200, '{"ActionStatus":"FAIL","ErrorCode":1}'),
        text: answered(200, 'FAIL'),
        empty: answered(204, ''),
      }
      const observed = open({ dataDir: createFolder() }, (request) => answers[nameOf(request)] ?? failed())
      const { queue, tried, ended } = observed
      queue.start()
      for (const name of Object.keys(answers)) await queue.add(relayedRequest('g1', name), 'untried')
      await isEmpty(observed)
      expect(tried).to.have.length(4)
      expect(ended).to.deep.equal(['delivered', 'delivered_fail', 'delivered', 'delivered'])
    })

    it('keeps what is answered with a redirect, which is not followed', async () => {
      for (const status of [301, 302, 303, 307, 308]) {
        const observed = open({ dataDir: createFolder() }, () => answered(status, ''))
        observed.queue.start()
        await observed.queue.add(relayedRequest('g1', 'moved'), 'untried')
        await isEmpty(observed)
        expect(observed.givenUp.map(({ reason }) => reason)).to.deep.equal([
          `the backend answered ${status}: RELAY_URL leads to a redirect, and none is followed`,
        ])
      }
    })

    it('gives up what is refused for good, and goes on with its lane', async () => {
      const observed = open({ dataDir: createFolder() }, (request) =>
        nameOf(request) === 'bad' ? answered(422) : answered(),
      )
      const { queue, tried, givenUp, ended } = observed
      await queue.add(relayedRequest('g1', 'bad'), 'untried')
      await queue.add(relayedRequest('g1', 'good'), 'untried')
      queue.start()
      await isEmpty(observed)
      expect(tried.map(({ name }) => name)).to.deep.equal(['bad', 'good'])
      expect(givenUp).to.deep.equal([{ name: 'bad', reason: 'the backend answered 422' }])
      expect(ended).to.deep.equal(['refused', 'delivered'])
    })

    it('keeps what the quarantine does not take, without another attempt', async () => {
      const observed = open({ dataDir: createFolder() }, () => answered(400))
      const { queue, state, tried, givenUp } = observed
      let failures = 0
      state.quarantine = async () => {
        if (failures++ < 2) throw new Error('the disk is full')
      }
      await queue.add(relayedRequest('g1', 'bad'), 'untried')
      queue.start()
      await isEmpty(observed)
      expect(failures).to.equal(3)
      expect(tried).to.have.length(1)
      expect(givenUp).to.have.length(1)
    })

    it('holds up only the lane of a request that fails, and retries it with growing pauses', async () => {
      const clock = createManualClock()
      const observed = open({ dataDir: createFolder(), clock }, (request) =>
        nameOf(request) === 'poison' ? failed(500) : answered(),
      )
      const { queue, tried } = observed
      await queue.add(relayedRequest('g1', 'poison'), 'untried')
      await queue.add(relayedRequest('g1', 'behind'), 'untried')
      await queue.add(relayedRequest('g2', 'other'), 'untried')
      queue.start()
      await waitUntil('the other is delivered', () => queue.depth().requests === 2)
      const attemptsWithin = async (ms: number): Promise<number> => {
        const before = tried.length
        for (let passed = 0; passed < ms; passed += 100) {
          clock.advance(100)
          await new Promise((resolve) => setImmediate(resolve))
        }
        return tried.length - before
      }
      const [early, late] = [await attemptsWithin(10_000), await attemptsWithin(600_000)]
      // At most 200 ms, 400 ms, …; then at most 60 s, half of that on average.
      expect(early).to.be.above(3)
      expect(late).to.be.within(8, 60)
      expect(tried.filter(({ name }) => name === 'behind')).to.deep.equal([])
    })

    it('leaves a request alone for as long as the backend wants, but not for ever', async () => {
      const clock = createManualClock()
      const observed = open({ dataDir: createFolder(), clock }, (_, attempt) =>
        attempt === 1 ? failed(500, 30_000) : attempt === 2 ? failed(500, 1e12) : answered(),
      )
      const { queue, tried } = observed
      await queue.add(relayedRequest('g1', 'a'), 'untried')
      queue.start()
      const settle = async (ms: number, attempts: number) => {
        clock.advance(ms)
        await new Promise((resolve) => setImmediate(resolve))
        expect(tried).to.have.length(attempts)
      }
      await settle(0, 1)
      await settle(29_000, 1)
      await settle(1_500, 2)
      await settle(595_000, 2)
      await settle(6_000, 3)
    })

    it('gives up what is too old, also while the backend is down', async () => {
      const clock = createManualClock()
      const observed = open({ dataDir: createFolder(), clock, retryForMs: 60_000 }, () => failed())
      const { queue, givenUp } = observed
      queue.start()
      for (let i = 0; i < 50; i++) await queue.add(relayedRequest(`g${i % 10}`, String(i)), 'untried')
      clock.advance(30_000)
      await queue.add(relayedRequest('g1', 'younger'), 'untried')
      clock.advance(30_001)
      await waitUntil('the old ones are given up', () => {
        clock.advance(20)
        return givenUp.length === 50
      })
      expect(new Set(givenUp.map(({ name }) => name)).has('younger')).to.equal(false)
      for (const { reason } of givenUp)
        expect(reason).to.match(/^not delivered for 60 s \(RELAY_RETRY_FOR_S\)/)
      expect(queue.depth().requests).to.equal(1)
    })

    it('gives nothing up for which an earlier one of its lane may still come', async () => {
      const clock = createManualClock()
      const observed = open({ dataDir: createFolder(), clock, retryForMs: 60_000 })
      const { queue, state, givenUp, tried } = observed
      queue.start()
      let letQuarantine = (): void => undefined
      const quarantined = new Promise<void>((resolve) => (letQuarantine = resolve))
      state.quarantine = () => quarantined
      const [first, second] = [queue.arrive('g1'), queue.arrive('g1')]
      await queue.add(relayedRequest('g1', 'second'), 'behind', second)
      clock.advance(62_000)
      // Its disk was slow.
      await queue.add(relayedRequest('g1', 'first'), 'failed', first)
      letQuarantine()
      await waitUntil('nothing waits', () => queue.depth().requests === 0)
      expect(tried.map(({ name }) => name)).to.deep.equal(['first'])
      expect(givenUp.map(({ name }) => name)).to.deep.equal(['second'])
    })
  })

  describe('while the backend is down', () => {
    const LANES = 200

    it('probes with one request at a time, and then delivers everything', async () => {
      let isDown = true
      const observed = open({ dataDir: createFolder() }, async () => {
        await new Promise((resolve) => setImmediate(resolve))
        return isDown ? failed() : answered()
      })
      const { queue, state, tried, logged } = observed
      for (let i = 0; i < LANES; i++) await queue.add(relayedRequest(`g${i}`, String(i)), 'untried')
      queue.start()
      await waitUntil('it probes', () => tried.length > 18)
      expect(tried.length).to.be.below(LANES / 4)
      state.mostUnderWay = 0
      await waitUntil('it has probed', () => tried.length > 22)
      expect(state.mostUnderWay).to.equal(1)
      isDown = false
      queue.wake()
      await isEmpty(observed)
      expect(state.mostUnderWay).to.be.above(8)
      expect(logged.filter((text) => text.includes('does not take'))).to.have.length(1)
      expect(logged).to.include('queued requests delivered')
    })

    it('finds out that it is back although a request hangs that was probed with', async () => {
      let isDown = true
      const observed = open({ dataDir: createFolder() }, async (request) => {
        if (nameOf(request).startsWith('poison')) return failed()
        return isDown ? failed() : answered()
      })
      const { queue, tried } = observed
      for (let i = 0; i < 4; i++) await queue.add(relayedRequest(`p${i}`, `poison ${i}`), 'untried')
      queue.start()
      await waitUntil('it is down', () => tried.length >= 4)
      isDown = false
      for (let i = 0; i < LANES; i++) await queue.add(relayedRequest(`g${i}`, String(i)), 'untried')
      await waitUntil('the others are delivered', () => queue.depth().requests === 4)
    })

    it('leaves room beside requests that hang', async () => {
      const hanging: (() => void)[] = []
      const hang = (signal: AbortSignal | undefined) =>
        new Promise<Attempt>((resolve) => {
          const end = (): void => resolve(failed(500))
          hanging.push(end)
          signal?.addEventListener('abort', end)
        })
      const observed = open({ dataDir: createFolder() }, (request, _, signal) =>
        nameOf(request) === 'slow' ? hang(signal) : answered(),
      )
      const { queue } = observed
      for (let i = 0; i < 12; i++) await queue.add(relayedRequest(`s${i}`, 'slow'), 'untried')
      queue.start()
      await waitUntil('they hang', () => hanging.length === 12)
      for (const end of hanging.splice(0)) end()
      await waitUntil('half of the places hang again', () => hanging.length === 8)
      for (let i = 0; i < LANES; i++) await queue.add(relayedRequest(`g${i}`, String(i)), 'untried')
      await waitUntil('the others are delivered', () => queue.depth().requests === 12)
      expect(hanging).to.have.length(8)
    })
  })
})
