import { expect } from 'chai'
import { pino } from 'pino'
import { createRedisBroker } from '../../server/broker/redis/redis-broker.ts'
import type { Recall } from '../../shared/recall.ts'
import { APP } from '../support/gateway-process.ts'
import { startRedis, SYNC_IMMEDIATELY } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const RECALL: Recall = { group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1_000, receivedAtMs: 2_000 }

describe('a Redis broker that waits for a replica', () => {
  const onCleanUp = cleanUpAfterEach()

  it('confirms a recall, new or repeated, only once the replica has stored it', async () => {
    const master = await startRedis({ flags: SYNC_IMMEDIATELY })
    onCleanUp(master.stop)
    const replica = await startRedis({ flags: ['--replicaof', '127.0.0.1', String(master.port)] })
    onCleanUp(replica.stop)
    const options = { historySize: 10, historyTtlS: 60, prefix: 'test', app: APP, waitReplicas: 1 }
    const broker = createRedisBroker({ ...options, url: master.url }, { log: pino({ level: 'silent' }) })
    onCleanUp(broker.stop)
    await broker.start()
    const outcome = (recall: Recall) =>
      broker.publish(recall, 1_000).then(
        ({ duplicate }) => (duplicate ? 'repeated' : 'new'),
        (error: { code?: string }) => error.code,
      )
    await waitUntil('the replica has synchronized', async () => (await outcome(RECALL)) === 'repeated')

    replica.signal('SIGSTOP')
    const next = { ...RECALL, messages: [{ seq: 2 }] }
    expect(await outcome(next)).to.equal('BROKER_UNAVAILABLE')
    expect(await outcome(next), 'repeated').to.equal('BROKER_UNAVAILABLE')
    expect(await broker.recalled({ group: 'g' }, [2]), 'the master has stored it').to.have.length(1)

    replica.signal('SIGCONT')
    await waitUntil('the repeat is confirmed', async () => (await outcome(next)) === 'repeated')
  })
})
