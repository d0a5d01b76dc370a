import { expect } from 'chai'
import { parseRedisUrl } from '../../server/broker/redis/connection/address.ts'

describe('REDIS_URL', () => {
  it('gives one server, with credentials, database and TLS', () => {
    expect(parseRedisUrl('rediss://us%40er:p%2Cw@redis.example:6380/2', 'single')).to.deep.equal({
      mode: 'single',
      seeds: [{ host: 'redis.example', port: 6380 }],
      username: 'us@er',
      password: 'p,w',
      tls: true,
      db: 2,
    })
  })

  it('may contain a comma when it gives one server', () => {
    expect(parseRedisUrl('redis://:a,b@h', 'single')).to.deep.include({ password: 'a,b' })
  })

  it('gives several seeds, the first of which sets credentials, TLS and database', () => {
    expect(parseRedisUrl('redis://:pw@s1/1, redis://s2:1,redis://[::1]', 'sentinel')).to.deep.equal({
      mode: 'sentinel',
      seeds: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 1 },
        { host: '::1', port: 26_379 },
      ],
      password: 'pw',
      tls: false,
      db: 1,
    })
  })

  it('has default ports', () => {
    expect(parseRedisUrl('redis://n1', 'cluster')).to.deep.include({ seeds: [{ host: 'n1', port: 6_379 }] })
  })
})
