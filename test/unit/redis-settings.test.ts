import { expect } from 'chai'
import { readConfig } from '../../server/config/read-config.ts'

const REQUIRED = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 'webhook-token', JWT_SECRET: 'j'.repeat(32) }
const SEEDS = 'redis://:pw@a:1, redis://b:2,redis://c'

describe('Redis settings', () => {
  it('default to one server and to waiting for no replica and no disk', () => {
    expect(readConfig({ ...REQUIRED, REDIS_URL: 'redis://a' })).to.include({
      REDIS_MODE: 'single',
      REDIS_SENTINEL_NAME: 'mymaster',
      REDIS_WAIT_REPLICAS: 0,
      REDIS_WAIT_AOF: 0,
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

  describe('say what would be right in REDIS_URL', () => {
    const FAULTS: readonly (readonly [url: string, mode: string, right: string])[] = [
      ['http://a', 'single', 'be written redis://'],
      ['redis://:p#q@a', 'single', 'percent-encoded'],
      ['redis://:pq@a#x', 'single', '%23'],
      ['redis://:p/q@a', 'single', 'percent-encoded'],
      ['redis://:p%q@a', 'single', '%25'],
      ['redis://a?db=2', 'single', 'must not contain ?'],
      ['redis://a/two', 'single', 'number of the database'],
      ['redis://a,redis://b', 'single', 'REDIS_MODE'],
      ['redis://a,redis://b', 'single', 'sentinel or cluster'],
      ['redis://a/3', 'cluster', 'only database 0'],
      ['redis://a,rediss://b', 'cluster', 'in all URLs'],
      ['redis://:x@a,redis://:secret@b', 'sentinel', 'in the first URL only'],
      ['redis://a/1,redis://b/2', 'sentinel', 'in the first URL only'],
    ]
    for (const [REDIS_URL, REDIS_MODE, right] of FAULTS) {
      it(`${REDIS_MODE}: ${REDIS_URL}`, () => {
        const read = () => readConfig({ ...REQUIRED, REDIS_MODE, REDIS_URL })
        expect(read)
          .to.throw('REDIS_URL must')
          .with.property('message')
          .that.includes(right)
          .and.does.not.include('secret')
      })
    }

    it('and accept what means the same', () => {
      for (const [REDIS_URL, REDIS_MODE] of [
        ['rediss://user:a%23b%3Fc%2Fd%25e%40f@[::1]:6380/15', 'single'],
        ['redis://my_redis:6379/', 'single'],
        ['redis://:a,b@h', 'single'],
        ['redis://:x@a/2,redis://:x@b/2,redis://c', 'sentinel'],
        ['redis://a/0', 'cluster'],
      ] as const)
        expect(readConfig({ ...REQUIRED, REDIS_MODE, REDIS_URL }).REDIS_URL).to.equal(REDIS_URL)
    })
  })

  it('give the sentinels credentials of their own, where there are sentinels', () => {
    const REDIS_SENTINEL_PASSWORD = 'secret-s'
    const credentials = { REDIS_SENTINEL_USERNAME: 'u', REDIS_SENTINEL_PASSWORD }
    const sentinel = { ...REQUIRED, REDIS_URL: 'redis://a', REDIS_MODE: 'sentinel' }
    expect(readConfig({ ...sentinel, ...credentials })).to.include(credentials)
    expect(() => readConfig({ ...sentinel, REDIS_SENTINEL_USERNAME: 'u' })).to.throw(
      'REDIS_SENTINEL_USERNAME has no effect without REDIS_SENTINEL_PASSWORD',
    )
    expect(() => readConfig({ ...REQUIRED, REDIS_URL: 'redis://a', REDIS_SENTINEL_PASSWORD })).to.throw(
      'REDIS_SENTINEL_PASSWORD has no effect without REDIS_MODE=sentinel',
    )
  })

  it('allow three modes and at most five replicas', () => {
    expect(() => readConfig({ ...REQUIRED, REDIS_MODE: 'both', REDIS_WAIT_REPLICAS: '6' })).to.throw(
      /(?=.*REDIS_MODE must)(?=.*REDIS_WAIT_REPLICAS must)/,
    )
  })
})
