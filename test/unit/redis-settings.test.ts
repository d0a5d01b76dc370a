import { expect } from 'chai'
import { readConfig } from '../../server/config/config.ts'

const NEEDED = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 'webhook-token', JWT_SECRET: 'j'.repeat(32) }
const SEEDS = 'redis://:pw@a:1, redis://b:2,rediss://c'

describe('settings of Redis', () => {
  it('name one server by default, and wait for no replica', () => {
    expect(readConfig({ ...NEEDED, REDIS_URL: 'redis://a' })).to.include({
      REDIS_MODE: 'single',
      REDIS_SENTINEL_NAME: 'mymaster',
      REDIS_WAIT_REPLICAS: 0,
    })
  })

  it('name several to ask for Sentinel and Cluster alone', () => {
    for (const REDIS_MODE of ['sentinel', 'cluster'])
      expect(readConfig({ ...NEEDED, REDIS_MODE, REDIS_URL: SEEDS }).REDIS_URL).to.equal(SEEDS)
    expect(() => readConfig({ ...NEEDED, REDIS_URL: SEEDS })).to.throw('REDIS_URL is invalid')
  })

  it('name whom to ask, each with a URL of Redis', () => {
    for (const REDIS_MODE of ['sentinel', 'cluster']) {
      expect(() => readConfig({ ...NEEDED, REDIS_MODE })).to.throw('REDIS_URL is missing')
      for (const REDIS_URL of ['redis://a,', 'redis://a,http://b', 'a,b'])
        expect(() => readConfig({ ...NEEDED, REDIS_MODE, REDIS_URL })).to.throw('REDIS_URL is invalid')
    }
  })

  it('know three modes and at most five replicas', () => {
    expect(() => readConfig({ ...NEEDED, REDIS_MODE: 'both', REDIS_WAIT_REPLICAS: '6' })).to.throw(
      /(?=.*REDIS_MODE is invalid)(?=.*REDIS_WAIT_REPLICAS is invalid)/,
    )
  })
})
