import { expect } from 'chai'
import { readConfig } from '../../server/config/read-config.ts'

const REQUIRED = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 'webhook-token', JWT_SECRET: 'j'.repeat(32) }
const SEEDS = 'redis://:pw@a:1, redis://b:2,rediss://c'

describe('Redis settings', () => {
  it('default to one server and to waiting for no replica', () => {
    expect(readConfig({ ...REQUIRED, REDIS_URL: 'redis://a' })).to.include({
      REDIS_MODE: 'single',
      REDIS_SENTINEL_NAME: 'mymaster',
      REDIS_WAIT_REPLICAS: 0,
    })
  })

  it('accept several URLs for Sentinel and Cluster only', () => {
    for (const REDIS_MODE of ['sentinel', 'cluster'])
      expect(readConfig({ ...REQUIRED, REDIS_MODE, REDIS_URL: SEEDS }).REDIS_URL).to.equal(SEEDS)
    expect(() => readConfig({ ...REQUIRED, REDIS_URL: SEEDS })).to.throw('REDIS_URL must')
  })

  it('require Redis URLs for Sentinel and Cluster', () => {
    for (const REDIS_MODE of ['sentinel', 'cluster']) {
      expect(() => readConfig({ ...REQUIRED, REDIS_MODE })).to.throw('REDIS_URL is missing')
      for (const REDIS_URL of ['redis://a,', 'redis://a,http://b', 'a,b'])
        expect(() => readConfig({ ...REQUIRED, REDIS_MODE, REDIS_URL })).to.throw('REDIS_URL must')
    }
  })

  it('allow three modes and at most five replicas', () => {
    expect(() => readConfig({ ...REQUIRED, REDIS_MODE: 'both', REDIS_WAIT_REPLICAS: '6' })).to.throw(
      /(?=.*REDIS_MODE must)(?=.*REDIS_WAIT_REPLICAS must)/,
    )
  })
})
