import { expect } from 'chai'
import { createReplicaConfirmation } from '../../server/broker/redis/replica-confirmation.ts'

describe('confirmation by replicas', () => {
  /** A connection whose WAITs are answered by hand. */
  const setUp = (replicas: number) => {
    const waits: ((having: number) => void)[] = []
    const connection = { lives: 0 }
    const confirmed = createReplicaConfirmation(replicas, {
      wait: () => new Promise<number>((resolve) => waits.push(resolve)),
      generation: () => connection.lives,
    })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    return { waits, connection, confirmed, turn }
  }

  it('asks nobody when none is wanted', async () => {
    const { confirmed, waits } = setUp(0)
    expect(await confirmed(async () => 'kept')).to.equal('kept')
    expect(waits).to.be.empty
  })

  it('asks once for all writes answered before, and once more for those answered since', async () => {
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

  it('rejects what too few have, and goes on', async () => {
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

  it('rejects a write of a connection that ended before its replicas answered', async () => {
    const { confirmed, connection, waits, turn } = setUp(1)
    const write = confirmed(async () => connection.lives++).catch((error: { code?: string }) => error.code)
    await turn()
    waits[0]?.(1)
    expect(await write).to.equal('BROKER_UNAVAILABLE')
  })

  it('asks for nothing that was not written', async () => {
    const { confirmed, waits } = setUp(1)
    const failed = confirmed(() => Promise.reject(new Error('refused')))
    expect(await failed.catch((error: Error) => error.message)).to.equal('refused')
    expect(waits).to.be.empty
  })
})
