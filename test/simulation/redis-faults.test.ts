import { expect } from 'chai'
import fc from 'fast-check'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { isChange, sequence } from './redis/conformance/calls.ts'
import { contentOf, modelServer, send } from './redis/conformance/servers.ts'
import { RedisModel } from './redis/model.ts'
import type { RedisModelOptions } from './redis/model.ts'

describe('faults of the model of Redis', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async (options: Partial<RedisModelOptions> = {}) => {
    let timers: (() => void)[] = []
    const later = (_ms: number, callback: () => void) => {
      timers.push(callback)
      return () => (timers = timers.filter((one) => one !== callback))
    }
    const model = new RedisModel({ now: () => 1_700_000_000_000, later, ...options })
    const { client, close } = await modelServer(model)
    onCleanUp(close)
    return { model, client, endWaits: () => timers.forEach((end) => end()) }
  }

  it('forget exactly the latest writes, whatever they were', async () => {
    const { model, client } = await setUp()
    await fc.assert(
      fc.asyncProperty(sequence, sequence, async (first, second) => {
        await client.flushall()
        for (const call of first) if (!isChange(call)) await send(client, call)
        const [position, before, snapshot] = [model.position, await contentOf(client), model.snapshot()]
        for (const call of second) if (!isChange(call)) await send(client, call)
        model.rollBackTo(position)
        expect(await contentOf(client)).to.deep.equal(before)
        await client.flushall()
        model.restore(snapshot)
        expect(await contentOf(client)).to.deep.equal(before)
      }),
      { numRuns: 15 },
    )
  })

  it('lose with a failover what the new master lacks, and nothing that WAIT confirmed', async () => {
    const { model, client, endWaits } = await setUp({ replicas: 2 })
    await client.set('a', 1)
    expect(await client.wait(2, 100)).to.equal(2)
    model.durability.holdReplica(0, true)
    await client.set('b', 1)
    expect(await client.wait(1, 100)).to.equal(1)
    const waits = client.wait(2, 100)
    await new Promise((resolve) => setImmediate(resolve))
    endWaits()
    expect(await waits).to.equal(1)
    model.failOver(0)
    expect([...model.snapshot().keys()]).to.deep.equal(['a'])
    expect(model.connections).to.equal(0)
  })

  it('lose with a power cut what was not on disk, and nothing that WAITAOF confirmed', async () => {
    const { model, client } = await setUp({ version: '7.2.0', fsync: 'everysec' })
    await client.set('a', 1)
    const confirmed = client.call('WAITAOF', 1, 0, 0)
    model.durability.sync()
    expect(await confirmed).to.deep.equal([1, 0])
    await client.set('b', 1)
    model.restart('synced')
    expect([...model.snapshot().keys()]).to.deep.equal(['a'])
    model.restart('nothing')
    expect(model.snapshot().size).to.equal(0)
  })

  it('leave everything unanswered while paused, and answer it in order', async () => {
    const { model, client } = await setUp()
    model.pause()
    const replies = Promise.all([client.incr('a'), client.incr('a')])
    expect(await Promise.race([replies, new Promise((resolve) => setImmediate(resolve))])).to.equal(undefined)
    model.resume()
    expect(await replies).to.deep.equal([1, 2])
  })

  it('refuse everything but a look at the state while loading', async () => {
    const { model, client } = await setUp()
    model.refusals.isLoading = true
    expect(await client.info('persistence')).to.include('loading:1')
    expect(await client.get('a').catch(String)).to.include('LOADING')
    expect(await client.eval('return 1', 0).catch(String)).to.include('LOADING')
  })
})
