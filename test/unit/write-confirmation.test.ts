import { expect } from 'chai'
import { createWriteConfirmation } from '../../server/broker/redis/write-confirmation.ts'

const TIMEOUT_MS = 1_000

describe('confirmation of writes', () => {
  /** A connection whose questions the test answers, at a time that it chooses. */
  const setUp = (replicas: number, { synced = false, isTrusted = true } = {}) => {
    const waits: ((replicas: number, local?: number) => void)[] = []
    const connection = { generation: 0 }
    const clock = { nowMs: 0 }
    const write = createWriteConfirmation(
      { replicas, synced },
      {
        wait: () =>
          new Promise((resolve) => waits.push((others, local = 1) => resolve({ local, replicas: others }))),
        ensureSyncs: async () => {
          if (!isTrusted) throw new Error('not trusted')
        },
        generation: () => connection.generation,
        now: () => clock.nowMs,
      },
    )
    const confirmed = <T>(work: () => Promise<T>) => write(work, TIMEOUT_MS)
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    return { waits, connection, clock, confirmed, turn }
  }
  const messageOf = (work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: Error & { code?: string }) => `${error.code} ${error.message}`)

  it('does not wait when nothing is required', async () => {
    const { confirmed, waits } = setUp(0)
    expect(await confirmed(async () => 'stored')).to.equal('stored')
    expect(waits).to.be.empty
  })

  it('waits once for all writes made before, and once more for those made since', async () => {
    const { confirmed, waits, turn } = setUp(1)
    const first = confirmed(async () => 1)
    await turn()
    const later = Promise.all([2, 3, 4].map((n) => confirmed(async () => n)))
    await turn()
    expect(waits).to.have.length(1)
    waits[0]?.(1)
    expect(await first).to.equal(1)
    await turn()
    expect(waits).to.have.length(2)
    waits[1]?.(2)
    expect(await later).to.deep.equal([2, 3, 4])
  })

  it('rejects a write that too few replicas have, and continues', async () => {
    const { confirmed, waits, turn } = setUp(2)
    const short = messageOf(confirmed(async () => 1))
    await turn()
    waits[0]?.(1)
    expect(await short).to.equal('BROKER_UNAVAILABLE the broker is unavailable: 1 of 2 replicas confirmed')
    const enough = confirmed(async () => 2)
    await turn()
    waits[1]?.(2)
    expect(await enough).to.equal(2)
  })

  it('rejects a write whose connection ended before it was confirmed', async () => {
    const { confirmed, connection, waits, turn } = setUp(1)
    const write = messageOf(confirmed(async () => connection.generation++))
    await turn()
    waits[0]?.(1)
    expect(await write).to.include('BROKER_UNAVAILABLE')
  })

  it('does not wait for a failed write', async () => {
    const { confirmed, waits } = setUp(1)
    const failed = confirmed(() => Promise.reject(new Error('refused')))
    expect(await failed.catch((error: Error) => error.message)).to.equal('refused')
    expect(waits).to.be.empty
  })

  it('asks again until the disk has synced, together with the writes made meanwhile', async () => {
    const { confirmed, waits, turn } = setUp(0, { synced: true })
    const first = confirmed(async () => 1)
    await turn()
    waits[0]?.(0, 0)
    const second = confirmed(async () => 2)
    await turn()
    expect(waits).to.have.length(2)
    waits[1]?.(0, 1)
    expect(await Promise.all([first, second])).to.deep.equal([1, 2])
    expect(waits).to.have.length(2)
  })

  it('gives up in time, and says who has not synced', async () => {
    const late = setUp(0, { synced: true })
    const unsynced = messageOf(late.confirmed(async () => 1))
    await late.turn()
    late.clock.nowMs = TIMEOUT_MS - 10
    late.waits[0]?.(0, 0)
    expect(await unsynced)
      .to.include('BROKER_UNAVAILABLE')
      .and.include('not synced its append-only file in time')

    const lacking = setUp(2, { synced: true })
    const short = messageOf(lacking.confirmed(async () => 1))
    await lacking.turn()
    lacking.clock.nowMs = TIMEOUT_MS
    lacking.waits[0]?.(1, 1)
    expect(await short).to.include('1 of 2 replicas have synced')
  })

  it('confirms nothing while the server cannot be trusted', async () => {
    const { confirmed, waits } = setUp(0, { synced: true, isTrusted: false })
    expect(await messageOf(confirmed(async () => 1))).to.include('not trusted')
    expect(waits).to.be.empty
  })
})
