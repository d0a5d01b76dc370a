import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { UnconfirmedError } from '../../server/broker/errors.ts'
import type { Broker, Published } from '../../server/broker/broker.ts'
import { openSpool } from '../../server/broker/spooling/spool.ts'
import type { Spool } from '../../server/broker/spooling/spool.ts'
import { createSpoolingBroker } from '../../server/broker/spooling/spooling-broker.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Recall } from '../../shared/recall.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { seqsOf } from '../support/seqs.ts'

/** What a publish may take. A busy disk, or machine, takes longer than a provider would wait. */
const PATIENCE_MS = 10_000

const recall = (seq: number, group = 'g'): Recall => ({
  group,
  messages: [{ seq }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})
const STORED: Published = { duplicate: false, positions: [] }
const unavailable = () => new GatewayError('BROKER_UNAVAILABLE')

describe('spooling broker', () => {
  const onCleanUp = cleanUpAfterEach()

  /** A broker that stores what `publish` lets it store, in front of a real spool that `wrap` may change. */
  async function start(
    publish: (recall: Recall) => Promise<unknown>,
    wrap: (spool: Spool) => Spool = (s) => s,
  ) {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const seqs: number[] = []
    const broker: Broker = {
      ...createScriptedBroker(async () => undefined).broker,
      async publish(one) {
        await publish(one)
        seqs.push(...seqsOf(one.messages))
        return STORED
      },
    }
    const spool = wrap(openSpool({ dataDir: folder.path, maxBytes: 2 ** 20 }))
    const aside: string[] = []
    const spooling = createSpoolingBroker(
      { brokerName: 'b', historySize: 1_000 },
      {
        broker,
        spool,
        setAside: async ({ text }, reason) => void aside.push(`${text} ${reason}`),
        log: pino({ level: 'silent' }),
      },
    )
    await spooling.start()
    onCleanUp(spooling.stop)
    return { spooling, spool, seqs, aside }
  }

  it('says why it does not wait for a broker at the start, and when it has reached it', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const spool = openSpool({ dataDir: folder.path, maxBytes: 2 ** 20 })
    await spool.markReached('b')
    const lines: string[] = []
    let reach = (): void => undefined
    const broker: Broker = {
      ...createScriptedBroker(async () => undefined).broker,
      start: () => new Promise((resolve) => (reach = resolve)),
    }
    const spooling = createSpoolingBroker(
      { brokerName: 'b', historySize: 10 },
      {
        broker,
        spool,
        setAside: async () => undefined,
        log: pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) }),
      },
    )
    await spooling.start()
    onCleanUp(spooling.stop)
    expect(lines.join('')).to.match(/"reason":"it has not answered within 500 ms","msg":"broker unavailable/)
    reach()
    await waitUntil('it says so', () => lines.some((line) => line.includes('broker reached')))
  })

  it('says why recalls are spooled in the words of the broker, if it has some', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const lines: string[] = []
    const broker: Broker = {
      ...createScriptedBroker(async () => undefined).broker,
      publish: () =>
        Promise.reject(
          new GatewayError('BROKER_UNAVAILABLE', undefined, { cause: new Error("Stream isn't writeable") }),
        ),
      reasons: () => ['ECONNREFUSED: nothing listens at this address (REDIS_URL)'],
    }
    const spooling = createSpoolingBroker(
      { brokerName: 'b', historySize: 10 },
      {
        broker,
        spool: openSpool({ dataDir: folder.path, maxBytes: 2 ** 20 }),
        setAside: async () => undefined,
        log: pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) }),
      },
    )
    await spooling.start()
    onCleanUp(spooling.stop)
    await spooling.publish(recall(1), PATIENCE_MS)
    await waitUntil('a failure of the drain is logged', () => lines.some((line) => line.includes('still')))
    for (const line of lines) expect(line).to.include('"reason":"ECONNREFUSED: nothing listens')
    expect(lines.join('')).to.include('"recalls spooled"')
  })

  it('publishes a recall that reached the disk after its deadline, without waiting for the next one', async () => {
    let isAvailable = false
    let flush = (): void => undefined
    const flushed = new Promise<void>((resolve) => (flush = resolve))
    const slowDisk = (spool: Spool): Spool => ({
      ...spool,
      append: async (one) => {
        await flushed
        await spool.append(one)
      },
    })
    const { spooling, seqs } = await start(async () => {
      if (!isAvailable) throw unavailable()
    }, slowDisk)
    const refused = await spooling.publish(recall(1), 50).catch((error: unknown) => error)
    expect(refused).to.have.property('code', 'BROKER_UNAVAILABLE')
    expect(refused)
      .to.have.property('message')
      .that.matches(/no reply within \d+ ms$/)
    isAvailable = true
    flush()
    await waitUntil('the recall is published', () => seqs.length === 1)
  })

  it('asks the broker if the recall cannot be spooled behind others', async () => {
    let isAvailable = false
    let isDiskFull = false
    const disk = (spool: Spool): Spool => ({
      ...spool,
      append: async (one) => {
        if (isDiskFull) throw new GatewayError('BROKER_UNAVAILABLE', 'cannot write to the spool')
        await spool.append(one)
      },
    })
    const { spooling, seqs } = await start(async ({ messages }) => {
      if (!isAvailable || messages[0]?.seq === 1) throw unavailable()
    }, disk)
    expect(await spooling.publish(recall(1), PATIENCE_MS)).to.have.property('spooled', true)
    isAvailable = true
    isDiskFull = true
    expect(await spooling.publish(recall(2), PATIENCE_MS)).to.deep.equal(STORED)
    expect(seqs).to.deep.equal([2])
  })

  it('publishes directly again soon after one failure, under any load and however slow the disk is', async () => {
    let failures = 1
    const slowDisk = (spool: Spool): Spool => {
      const writes = new Set<Promise<void>>()
      return {
        ...spool,
        append: async (one) => {
          // Several are always being written.
          const write = delay(30).then(() => spool.append(one))
          writes.add(write)
          await write.finally(() => writes.delete(write))
        },
        isEmpty: () => writes.size === 0 && spool.isEmpty(),
        isWriting: () => writes.size > 0 || spool.isWriting(),
        written: async () => {
          await Promise.allSettled(writes)
          await spool.written()
        },
      }
    }
    const { spooling, spool, seqs } = await start(async () => {
      await delay(2)
      if (failures-- > 0) throw unavailable()
    }, slowDisk)
    const publishing: Promise<Published>[] = []
    const fairMs = fairClock()
    const startedAtMs = fairMs()
    let direct = 0
    while (direct < 20 && fairMs() - startedAtMs < 5_000) {
      publishing.push(spooling.publish(recall(publishing.length + 1), PATIENCE_MS))
      void publishing.at(-1)?.then(({ spooled }) => (direct = spooled ? 0 : direct + 1))
      await delay(4)
    }
    expect(direct).to.be.at.least(20)
    expect(fairMs() - startedAtMs).to.be.below(2_000)
    await Promise.all(publishing)
    await waitUntil('the spool is empty', () => spool.isEmpty())
    expect([...new Set(seqs)]).to.deep.equal(publishing.map((_, i) => i + 1))
  })

  it('publishes at most half a log of an outage at once, also if the broker was back before the next attempt', async () => {
    let isBack = false
    let comeBack = (): void => undefined
    const back = new Promise<void>((resolve) => (comeBack = resolve))
    let attempts = 0
    const { spooling, seqs } = await start(async () => {
      if (attempts++ === 0) throw unavailable()
      // The first attempt of the drain waits until the broker is back, and succeeds.
      if (!isBack) await back
    })
    await spooling.publish(recall(1), PATIENCE_MS)
    await Promise.all(Array.from({ length: 799 }, (_, i) => spooling.publish(recall(i + 2), PATIENCE_MS)))
    isBack = true
    comeBack()
    await waitUntil('half a log is published', () => seqs.length >= 500)
    // More would follow at once.
    for (let i = 0; i < 100; i++) await new Promise(setImmediate)
    expect(seqs).to.have.lengthOf(500)
  })

  it('publishes at once what follows a recall that was stored, and only not confirmed in time', async () => {
    const count = 700
    let isLate = true
    const { spooling, seqs } = await start(async () => {
      if (isLate) throw new UnconfirmedError('not synced in time')
    })
    await Promise.all(Array.from({ length: count }, (_, i) => spooling.publish(recall(i), PATIENCE_MS)))
    isLate = false
    await waitUntil('all are published', () => seqs.length === count, 3_000)
  })

  it('sets aside what the disk returns unreadable, and publishes what is behind it', async () => {
    const damaged = (spool: Spool): Spool => ({
      ...spool,
      oldest: (limit, skip) =>
        spool
          .oldest(limit, skip)
          .map((entry) => (entry.key === 1 ? { ...entry, recall: undefined, text: '{"gro' } : entry)),
    })
    let isAvailable = false
    const { spooling, spool, seqs, aside } = await start(async () => {
      if (!isAvailable) throw unavailable()
    }, damaged)
    await Promise.all([1, 2].map((seq) => spooling.publish(recall(seq), PATIENCE_MS)))
    isAvailable = true
    await waitUntil('the spool is empty', () => spool.isEmpty())
    expect(seqs).to.deep.equal([2])
    expect(aside).to.have.length(1)
    expect(aside[0]).to.include('{"gro')
  })

  it('publishes what the disk returns again once it has taken what was to be set aside', async () => {
    let hasTaken = (): boolean => false
    const away = (spool: Spool): Spool => ({
      ...spool,
      oldest: (...query) =>
        spool
          .oldest(...query)
          .map((entry) => (hasTaken() ? entry : { ...entry, recall: undefined, text: '\xff' })),
    })
    let isAvailable = false
    const { spooling, spool, seqs, aside } = await start(async () => {
      if (!isAvailable) throw unavailable()
    }, away)
    hasTaken = () => aside.length > 0
    await Promise.all([1, 2].map((seq) => spooling.publish(recall(seq), PATIENCE_MS)))
    isAvailable = true
    await waitUntil('the spool is empty', () => spool.isEmpty())
    expect(seqs).to.deep.equal([1, 2])
  })

  it('reads again what the disk does not return for a moment', async () => {
    let isAway = true
    let reads = 0
    const away = (spool: Spool): Spool => ({
      ...spool,
      oldest(limit, skip) {
        reads++
        const entries = spool.oldest(limit, skip)
        return isAway ? entries.map((entry) => ({ ...entry, recall: undefined, text: '\xff' })) : entries
      },
    })
    let isAvailable = false
    const { spooling, spool, seqs, aside } = await start(async () => {
      if (!isAvailable) throw unavailable()
    }, away)
    await Promise.all([1, 2].map((seq) => spooling.publish(recall(seq), PATIENCE_MS)))
    const before = reads
    isAvailable = true
    await waitUntil('it has been read', () => reads > before)
    isAway = false
    await waitUntil('the spool is empty', () => spool.isEmpty())
    expect(seqs).to.deep.equal([1, 2])
    expect(aside).to.be.empty
  })

  describe('with conversations that the broker refuses', () => {
    /** A broker that stores nothing at first, never these groups, and knows what it has stored before. */
    async function startRefusing(isRefused: (group: string) => boolean) {
      const stored = new Set<string>()
      const folder = temporaryFolder()
      onCleanUp(folder.remove)
      const state = { isAvailable: false }
      const spool = openSpool({ dataDir: folder.path, maxBytes: 2 ** 20 })
      const broker: Broker = {
        ...createScriptedBroker(async () => undefined).broker,
        async publish({ group = '' }) {
          if (!state.isAvailable || isRefused(group)) throw unavailable()
          const duplicate = stored.has(group)
          stored.add(group)
          return { duplicate, positions: [] }
        },
      }
      const spooling = createSpoolingBroker(
        { brokerName: 'b', historySize: 1_000 },
        { broker, spool, setAside: async () => undefined, log: pino({ level: 'silent' }) },
      )
      await spooling.start()
      onCleanUp(spooling.stop)
      const publish = async (...groups: string[]): Promise<void> => {
        await Promise.all(groups.map((group, i) => spooling.publish(recall(i + 1, group), PATIENCE_MS)))
      }
      return { state, spool, stored, publish }
    }

    it('passes one whose batch held others that were stored', async () => {
      const { state, spool, stored, publish } = await startRefusing((group) => group === 'bad')
      await publish('a', 'bad', 'b', 'c')
      state.isAvailable = true
      await waitUntil('the others are stored', () => stored.size === 3)
      await publish('d')
      await waitUntil('what comes later is stored', () => stored.has('d'))
      await waitUntil('only the refused one is left', () => spool.depth(0).recalls === 1)
    })

    it('passes any number of recalls of one', async () => {
      const { state, stored, publish } = await startRefusing((group) => group === 'bad')
      await publish(...Array.from({ length: 250 }, () => 'bad'), 'a')
      state.isAvailable = true
      await waitUntil('the other one is stored', () => stored.has('a'))
    })

    it('stores the recalls of each in order, also while it finds out that another one is refused', async () => {
      let isAvailable = false
      let refusals = 0
      const { spooling, seqs } = await start(async ({ group, messages: [first] }) => {
        const isRefused = group === 'worse' || (first?.seq === 1 && !seqs.includes(5))
        if (isAvailable && group === 'worse') refusals++
        if (!isAvailable || isRefused) throw unavailable()
      })
      const publish = (seq: number, group: string) => spooling.publish(recall(seq, group), PATIENCE_MS)
      await Promise.all([publish(1, 'bad'), publish(2, 'worse'), publish(3, 'a')])
      isAvailable = true
      await waitUntil('the first one is tried apart, and the second one alone', () => refusals > 1)
      await publish(4, 'bad')
      await publish(5, 'b')
      await waitUntil('all but the refused one are stored', () => seqs.length === 4)
      expect(seqs.filter((seq) => seq === 1 || seq === 4)).to.deep.equal([1, 4])
    })

    it('passes any number of them', async () => {
      const { state, stored, publish } = await startRefusing((group) => group.startsWith('bad'))
      await publish(...Array.from({ length: 25 }, (_, i) => `bad ${i}`), 'a', 'b')
      state.isAvailable = true
      await waitUntil('the others are stored', () => stored.size === 2)
    })
  })
})
