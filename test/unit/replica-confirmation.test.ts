import { expect } from 'chai'
import { createReplicaConfirmation } from '../../server/broker/redis/replica-confirmation.ts'

describe('confirmation by replicas', () => {
  /** A connection whose WAITs the test completes. */
  const setUp = (replicas: number) => {
    const waits: ((confirmations: number) => void)[] = []
    const connection = { generation: 0 }
    const confirmed = createReplicaConfirmation(replicas, {
      wait: () => new Promise<number>((resolve) => waits.push(resolve)),
      generation: () => connection.generation,
    })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    return { waits, connection, confirmed, turn }
  }

  it('does not wait when no replica is required', async () => {
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
    const short = confirmed(async () => 1).catch((error: Error) => error.message)
    await turn()
    waits[0]?.(1)
    expect(await short).to.include('1 of 2 replicas')
    const enough = confirmed(async () => 2)
    await turn()
    waits[1]?.(2)
    expect(await enough).to.equal(2)
  })

  it('rejects a write whose connection ended before its replicas confirmed', async () => {
    const { confirmed, connection, waits, turn } = setUp(1)
    const write = confirmed(async () => connection.generation++).catch(
      (error: { code?: string }) => error.code,
    )
    await turn()
    waits[0]?.(1)
    expect(await write).to.equal('BROKER_UNAVAILABLE')
  })

  it('does not wait for a failed write', async () => {
    const { confirmed, waits } = setUp(1)
    const failed = confirmed(() => Promise.reject(new Error('refused')))
    expect(await failed.catch((error: Error) => error.message)).to.equal('refused')
    expect(waits).to.be.empty
  })
})
