import { expect } from 'chai'
import { ReplyError } from 'ioredis'
import {
  explain,
  isAboutKeys,
  refusalIn,
  replyIn,
  textOfFailure,
} from '../../server/broker/redis/connection/failure.ts'
import { GatewayError } from '../../shared/errors.ts'

const SINGLE = { mode: 'single' } as const
const SEED = { mode: 'sentinel', asked: 'seed' } as const

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })
const system = (code: string, message = code): Error => Object.assign(new Error(message), { code })

describe('explanation of a failure at Redis', () => {
  it('tells replies from other errors as the client library does', () => {
    expect(new (ReplyError as unknown as new (message: string) => Error)('x').name).to.equal('ReplyError')
  })

  const REPLIES: readonly (readonly [message: string, code: string, setting: string])[] = [
    ["NOPERM User gw has no permissions to run the 'xadd' command", 'NOPERM', '#permissions'],
    ["ERR The user executing the script can't run this command or subcommand", 'NOPERM', '#permissions'],
    ['NOAUTH Authentication required.', 'NOAUTH', 'REDIS_URL'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'WRONGPASS', 'REDIS_URL'],
    ["READONLY You can't write against a read only replica.", 'READONLY', 'REDIS_MODE'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM', 'maxmemory'],
    ['MISCONF Redis is configured to save RDB snapshots', 'MISCONF', 'disk'],
    ['NOREPLICAS Not enough good replicas to write.', 'NOREPLICAS', 'min-replicas-to-write'],
    ['MASTERDOWN Link with MASTER is down', 'MASTERDOWN', 'REDIS_MODE'],
    ['LOADING Redis is loading the dataset in memory', 'LOADING', 'wait'],
    ['BUSY Redis is busy running a script.', 'BUSY', 'SCRIPT KILL'],
    ['CLUSTERDOWN Hash slot not served', 'CLUSTERDOWN', 'CLUSTER INFO'],
    ['MOVED 3999 10.0.0.7:6381', 'MOVED', 'REDIS_MODE'],
    ['DENIED Redis is running in protected mode', 'DENIED', 'protected-mode'],
    ["ERR unknown command 'evalsha', with args beginning with: 'secret'", 'UNKNOWN_COMMAND', '7.0'],
    ['ERR DB index is out of range', 'NO_DATABASE', 'database'],
    ['ERR This instance has cluster support disabled', 'NOT_CLUSTER', 'REDIS_MODE'],
    ['ERR bad lua script for redis cluster', 'SCRIPT_REFUSED', 'script'],
    ['ERR max number of clients reached', 'MAX_CLIENTS', 'maxclients'],
  ]

  for (const [message, code, setting] of REPLIES) {
    it(`names the code and the setting: ${message.slice(0, 40)}`, () => {
      const refused = new GatewayError('BROKER_UNAVAILABLE', undefined, { cause: reply(message) })
      const failure = explain(refused, SINGLE)
      expect(failure).to.include({ code })
      expect(failure.setting).to.include(setting)
      expect(refusalIn(refused, 'single')).to.deep.equal(failure)
    })
  }

  it('names no user, host or argument to anybody', () => {
    for (const [message] of REPLIES)
      expect(textOfFailure(explain(reply(message), SINGLE))).to.not.match(/User gw|10\.0\.0\.7|secret/)
  })

  it('finds the code inside an error of a script', () => {
    const script = `NOPERM ACL failure in script: User gw has no permissions script: ${'a'.repeat(40)}, on @user_script:3.`
    expect(explain(reply(script), SINGLE)).to.include({ code: 'NOPERM' })
    expect(explain(reply(script), SINGLE).words).to.not.include('aaaa')
  })

  const ERRORS: readonly (readonly [error: Error, setting: string])[] = [
    [system('ECONNREFUSED'), 'REDIS_URL'],
    [system('ENOTFOUND'), 'REDIS_URL'],
    [system('ETIMEDOUT'), 'rediss://'],
    [system('ECONNRESET'), 'rediss://'],
    [system('CERT_HAS_EXPIRED'), 'clock'],
    [system('DEPTH_ZERO_SELF_SIGNED_CERT'), 'NODE_EXTRA_CA_CERTS'],
    [system('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), 'NODE_EXTRA_CA_CERTS'],
    [system('ERR_TLS_CERT_ALTNAME_INVALID'), 'REDIS_URL'],
    [system('ERR_SSL_WRONG_VERSION_NUMBER'), 'redis://'],
    [system('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'tls-auth-clients'],
  ]

  for (const [error, setting] of ERRORS) {
    it(`names the setting: ${error.message}`, () => {
      const failure = explain(error, SINGLE)
      expect(failure).to.include({ code: error.message })
      expect(failure.setting).to.include(setting)
      expect(refusalIn(error, 'single')).to.equal(undefined)
    })
  }

  it('names the setting for names of a cluster whose certificate has other names', () => {
    const error = system('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(explain(error, { mode: 'cluster' }).setting).to.include('cluster-preferred-endpoint-type')
    expect(explain(error, { mode: 'sentinel' }).setting).to.include('announce-hostnames')
  })

  it('names what announces the address of a server that cannot be reached', () => {
    const error = system('ETIMEDOUT')
    expect(explain(error, { mode: 'sentinel' }).setting).to.include('that the sentinels announce')
    expect(explain(error, { mode: 'cluster' }).setting).to.include('cluster-announce-ip')
    expect(explain(error, SEED).setting).to.include('REDIS_URL')
  })

  it('names the settings of the sentinels when they refuse', () => {
    expect(explain(reply('WRONGPASS invalid'), SEED).setting).to.include('REDIS_SENTINEL_PASSWORD')
    expect(explain(reply("ERR unknown command 'SENTINEL'"), SEED).setting).to.include('not sentinels')
  })

  it('takes neither a timeout nor the content of a key for a refusal', () => {
    expect(refusalIn(new Error('Command timed out'), 'single')).to.equal(undefined)
    const wrongType = reply('WRONGTYPE Operation against a key holding the wrong kind of value')
    expect(refusalIn(wrongType, 'single')).to.equal(undefined)
    expect(replyIn(wrongType, 'single')).to.include({ code: 'REFUSED' })
  })

  it('takes a slot that moves for a refusal only where nothing follows it', () => {
    for (const message of ['MOVED 1 h:1', 'ASK 1 h:1', 'TRYAGAIN Multiple keys']) {
      expect(refusalIn(reply(message), 'cluster')).to.equal(undefined)
      expect(refusalIn(reply(message), 'single')).to.not.equal(undefined)
    }
  })

  it('explains any error', () => {
    for (const error of [undefined, 'text', new Error('odd'), new AggregateError([system('ECONNREFUSED')])])
      expect(explain(error, SINGLE)).to.have.all.keys('code', 'reason', 'setting', 'words')
    expect(explain(new AggregateError([system('ECONNREFUSED')]), SINGLE)).to.include({ code: 'ECONNREFUSED' })
  })

  it('is about the keys of a request only if the server may accept others', () => {
    const isOne = (message: string): boolean =>
      isAboutKeys(new GatewayError('BROKER_UNAVAILABLE', undefined, { cause: reply(message) }))
    for (const message of [
      'NOPERM No permissions to access a key',
      'WRONGTYPE Operation against a key holding the wrong kind of value',
      'ERR user_script:12: too many results to unpack script: 0123456789abcdef0123456789abcdef01234567, on @user_script:12.',
    ])
      expect(isOne(message), message).to.equal(true)
    for (const message of [
      "OOM command not allowed when used memory > 'maxmemory'.",
      'MISCONF Redis is configured to save RDB snapshots',
      'NOREPLICAS Not enough good replicas to write.',
      'LOADING Redis is loading the dataset in memory',
      "READONLY You can't write against a read only replica.",
      'CLUSTERDOWN Hash slot not served',
    ])
      expect(isOne(message), message).to.equal(false)
    expect(isAboutKeys(new GatewayError('BROKER_UNAVAILABLE', 'no reply within 2500 ms'))).to.equal(false)
    expect(isAboutKeys(system('ECONNRESET'))).to.equal(false)
  })
})
