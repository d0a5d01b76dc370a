import fc from 'fast-check'
import { COMMIT_SEED } from '../support/commit-seed.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { EXAMPLE, sequence } from './redis/conformance/calls.ts'
import { compare } from './redis/conformance/pair.ts'
import { modelServer, realServer } from './redis/conformance/servers.ts'
import type { ServerUnderTest } from './redis/conformance/servers.ts'
import { RedisModel } from './redis/model.ts'

/** Calls that are the same in each run. */
const SEED = 1
const RUNS = Number(process.env['MODEL_RUNS'] ?? 60)

describe('the model of Redis', () => {
  let redis: RedisServer
  let real: ServerUnderTest
  let modelled: ServerUnderTest
  let nowMs = Date.now()
  const model = new RedisModel({ now: () => nowMs })

  before(async () => {
    // Otherwise long values would change the order of the fields of a hash.
    redis = await startRedis({ flags: ['--hash-max-listpack-value', '100000'] })
    real = await realServer(redis.url)
    modelled = await modelServer(model)
  })
  after(async () => {
    real.close()
    modelled.close()
    await redis.stop()
  })

  const check = (seed: number) =>
    fc.assert(
      fc.asyncProperty(sequence, async (calls) =>
        compare(calls, { real, model, modelled, setModelClock: (ms) => (nowMs = ms) }),
      ),
      { seed, numRuns: RUNS, examples: [[EXAMPLE]] },
    )

  it('answers, stores and publishes as a real server does, call by call', async () => await check(SEED))

  it(`and with other calls: seed ${COMMIT_SEED}`, async () => await check(COMMIT_SEED))
})
