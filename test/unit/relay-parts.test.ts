import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { BackendHealth } from '../../server/receiver/relay/backend-health.ts'
import { CircuitBreaker } from '../../server/receiver/relay/circuit-breaker.ts'
import { freshlySigned } from '../../server/receiver/relay/fresh-signature.ts'
import { laneOf } from '../../server/receiver/relay/lane.ts'
import { leadsAway, suffixBehind, targetOf } from '../../server/receiver/relay/path-suffix.ts'
import { forwardedHeaders } from '../../server/receiver/relay/relay-headers.ts'

describe('a circuit breaker', () => {
  it('opens after five failures in a row, and lets single probes through, ever more rarely', () => {
    const breaker = new CircuitBreaker()
    for (let i = 0; i < 4; i++) breaker.failed(0)
    breaker.succeeded()
    for (let i = 0; i < 4; i++) breaker.failed(0)
    expect(breaker.admits(0)).to.equal(true)
    breaker.failed(0)
    expect(breaker.isOpen).to.equal(true)
    let nowMs = 0
    const pauses: number[] = []
    for (let probe = 0; probe < 40; probe++) {
      const sinceMs = nowMs
      while (!breaker.admits(nowMs)) nowMs += 10
      pauses.push(nowMs - sinceMs)
      expect(breaker.admits(nowMs), 'only one probes').to.equal(false)
      breaker.failed(nowMs)
    }
    expect(pauses[0]).to.be.within(500, 1_510)
    expect(Math.max(...pauses)).to.be.within(10_000, 30_510)
    expect(breaker.succeeded()).to.equal(true)
    expect([breaker.isOpen, breaker.admits(nowMs), breaker.succeeded()]).to.deep.equal([false, true, false])
  })

  it('is not held open by what was sent before it opened, and does without a probe that is lost', () => {
    const breaker = new CircuitBreaker()
    for (let i = 0; i < 200; i++) breaker.failed(i)
    expect(breaker.admits(1_710)).to.equal(true)
    expect(breaker.admits(6_700)).to.equal(false)
    expect(breaker.admits(6_720)).to.equal(true)
  })
})

describe('the health of a backend', () => {
  const LATE = { kind: 'failed', reason: 'late', isLate: true } as const
  const GONE = { kind: 'failed', reason: 'connection refused' } as const
  const [ONE, OTHER] = ['Group.CallbackBeforeSendMsg', 'Group.CallbackAfterSendMsg'] as const

  it('suffers from one slow command for this command alone', () => {
    const health = new BackendHealth()
    for (let i = 0; i < 100; i++) health.report(ONE, LATE, 0)
    expect([health.isDown, health.admits(ONE, 0), health.admits(OTHER, 0)]).to.deep.equal([
      false,
      false,
      true,
    ])
    expect(health.admits(ONE, 1_510)).to.equal(true)
  })

  it('is down for all once several commands are late, or it cannot be reached, and back after any answer', () => {
    for (const failures of [[GONE], [LATE, LATE]]) {
      const health = new BackendHealth()
      for (let i = 0; i < 6; i++)
        failures.forEach((failure, which) => health.report([ONE, OTHER][which] ?? ONE, failure, 0))
      expect([health.isDown, health.admits('Made.Up', 0)]).to.deep.equal([true, false])
      expect(health.report(OTHER, { kind: 'failed', reason: 'a bug', status: 500 }, 0)).to.equal(true)
      expect([health.isDown, health.admits('Made.Up', 0)]).to.deep.equal([false, true])
    }
  })
})

describe('a signature for a late attempt', () => {
  const query = 'a=%zz&Sign=old&b&RequestTime=1669872000&sign2=x&=&RequestTime'
  const fresh = (text: string, ageMs: number, token: string | undefined = 'xxxxyyyy') =>
    freshlySigned(text, token, { receivedAtMs: 1_669_872_112_000 - ageMs, nowMs: 1_669_872_112_000 })
  const SIGN = '17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061'

  it('takes the places of the old one once its time is 30 s off, and changes nothing else', () => {
    const at = (requestTime: number): string => query.replace('1669872000', String(requestTime))
    const expected = `a=%zz&Sign=${SIGN}&b&RequestTime=1669872112&sign2=x&=&RequestTime=1669872112`
    for (const offS of [30, -30])
      expect(fresh(at(1_669_872_112 + offS), 40_000)).to.equal(at(1_669_872_112 + offS))
    // It was old, or ahead, when it came: what the backend gets at once, it judges itself.
    for (const offS of [31, 59, -31, -59]) {
      expect(fresh(at(1_669_872_112 + offS), 2_000)).to.equal(at(1_669_872_112 + offS))
      expect(fresh(at(1_669_872_112 + offS), 2_001)).to.equal(expected)
      expect(fresh(at(1_669_872_112 + offS), -2_001)).to.equal(expected)
    }
    expect(freshlySigned(query, undefined, { receivedAtMs: 0, nowMs: 1e9 })).to.equal(query)
  })

  it('is added where there is none, and found in any spelling', () => {
    expect(fresh('a=1&RequestTime=1', 0)).to.equal(`a=1&RequestTime=1669872112&Sign=${SIGN}`)
    expect(fresh('%53ign=x&REQUESTTIME=1', 60_000)).to.equal(`%53ign=${SIGN}&REQUESTTIME=1669872112`)
  })
})

describe('the path of a relayed request', () => {
  it('is what follows the path of webhooks, below that of the backend', () => {
    expect(suffixBehind('/webhook', '/webhook/a%2F/')).to.equal('/a%2F/')
    expect(suffixBehind('/webhook', '//webhook')).to.equal('')
    expect(suffixBehind('/webhook', '/webhooks')).to.equal(undefined)
    expect(suffixBehind('/', '/a')).to.equal('/a')
    expect(suffixBehind('/webhook', '/webhook//')).to.equal('/')
    expect(suffixBehind('/webhook', '/webhook//a//')).to.equal('/a//')
    expect(suffixBehind('/', '//')).to.equal('')
    expect(suffixBehind('/a/b', '//a//b//c')).to.equal('/c')
    expect(suffixBehind('/a/b', '/a/bc')).to.equal(undefined)
    expect(suffixBehind('/a/b', '/ab')).to.equal(undefined)
    expect(targetOf('/im/', '/a', 'x=1')).to.equal('/im/a?x=1')
    expect(targetOf('/', '', '')).to.equal('/')
  })

  it('leads nowhere else, however it is encoded', () => {
    for (const suffix of [
      '/..',
      '/a/../b',
      '/.%2e/',
      '/%2e',
      '/%252E%252e',
      '/\\',
      '/%5C..',
      '//',
      '/%2F',
      '/..%2f',
      '/..;x=1/a',
      '/%00',
      '/%ff/%2e%2e',
    ])
      expect(leadsAway(suffix), suffix).to.equal(true)
    for (const suffix of ['', '/', '/a//b', '/...', '/a..b', '/.well-known', '/%zz', '/%25', '/é'])
      expect(leadsAway(suffix), suffix).to.equal(false)
  })
})

describe('the lane of a webhook', () => {
  it('is its conversation, or its user, or its command', () => {
    expect(laneOf('X', { GroupId: 'g', TopicId: 't', From_Account: 'a' })).to.equal(
      laneOf('Y', { GroupId: 'g' }),
    )
    expect(laneOf('X', { From_Account: 'a', To_Account: 'b' })).to.equal(
      laneOf('Y', { To_Account: 'a', From_Account: 'b' }),
    )
    expect(laneOf('State.StateChange', { Info: { To_Account: 'u' } })).to.equal('user u')
    expect(laneOf('X', {})).to.equal('command X')
    expect(laneOf('X'.repeat(1e5), {})).to.have.length.below(100)
  })
})

describe('the headers of a relayed request', () => {
  const request = (headers: Record<string, string>, remoteAddress = '::ffff:10.0.0.1') =>
    ({
      headers: { host: 'gw.example:8443', ...headers },
      socket: { remoteAddress },
    }) as unknown as IncomingMessage
  const claimed = {
    'x-forwarded-for': '203.0.113.7, 2001:db8::1',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'app.example',
  }

  it('say what a trusted proxy said', () => {
    expect(forwardedHeaders(request(claimed), () => true)).to.deep.equal({
      'X-Forwarded-For': '203.0.113.7, 2001:db8::1, 10.0.0.1',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'app.example',
      Forwarded: 'for=203.0.113.7;host=app.example;proto=https, for="[2001:db8::1]", for=10.0.0.1',
    })
    expect(
      forwardedHeaders(request({ ...claimed, forwarded: 'for=claimed' }), () => true)['Forwarded'],
    ).to.not.include('claimed')
    const forwarded = 'for=192.0.2.1;proto=https'
    expect(forwardedHeaders(request({ forwarded }), () => true)['Forwarded']).to.equal(
      `${forwarded}, for=10.0.0.1;host="gw.example:8443";proto=http`,
    )
  })

  it('do not say what anybody else claims, nor pass on more than a few', () => {
    const odd = {
      ...claimed,
      forwarded: 'for=x',
      authorization: 'secret',
      'user-agent': 'x'.repeat(2_000),
      accept: '*/*',
    }
    expect(forwardedHeaders(request(odd), () => false)).to.deep.equal({
      'X-Forwarded-For': '10.0.0.1',
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-Host': 'gw.example:8443',
      Forwarded: 'for=10.0.0.1;host="gw.example:8443";proto=http',
      Accept: '*/*',
    })
  })
})
