import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import * as options from '../../server/config/options.ts'
import { SECRET_SETTINGS } from '../../server/config/secrets.ts'
import { withReturn } from '../../server/console/state/login-url.ts'
import { effectiveSettings } from '../../server/config/effective-settings.ts'
import { misspeltSettings, readConfig } from '../../server/config/read-config.ts'

const REQUIRED = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 'webhook-token', JWT_SECRET: 'j'.repeat(32) }

/** Returns what the error says of the settings, one by one. */
function problemsOf(environment: Readonly<Record<string, string>>): string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    return String((error as Error).message)
      .replace('settings are missing or invalid: ', '')
      .split('; ')
  }
}

describe('settings', () => {
  it('need only the three that have no default', () => {
    expect(readConfig(REQUIRED)).to.include({
      PORT: 8080,
      ROLE: 'all',
      WEBHOOK_PATH: '/webhook',
      HISTORY_SIZE: 1_000,
    })
  })

  it('name every missing setting in one error', () => {
    expect(() => readConfig({}))
      .to.throw(/SDK_APP_ID is missing.*WEBHOOK_TOKEN is missing.*JWT_SECRET is missing/)
      .with.property('code', 'CONFIG_INVALID')
  })

  it('name every invalid setting in one error, and no value', () => {
    const wrong = {
      PORT: 'eighty',
      SDK_APP_ID: 'secret-a',
      JWT_SECRET: 'secret-b',
      WEBHOOK_TOKEN: 'a,,b',
      REDIS_URL: 'http://secret-c',
    }
    expect(() => readConfig(wrong))
      .to.throw(
        /(?=.*PORT must be a number)(?=.*SDK_APP_ID must be digits)(?=.*JWT_SECRET must have at least 32 characters)(?=.*WEBHOOK_TOKEN contains an empty entry)(?=.*REDIS_URL must be written redis:)/,
      )
      .with.property('message')
      .that.does.not.match(/secret|eighty/)
  })

  it('treat an empty variable as missing', () => {
    expect(() => readConfig({ ...REQUIRED, JWT_SECRET: '' })).to.throw('JWT_SECRET is missing')
    expect(readConfig({ ...REQUIRED, PORT: '' }).PORT).to.equal(8080)
  })

  it('refuse what a file of variables or a secret contains when it is misread, and say so without the value', () => {
    expect(problemsOf({ ...REQUIRED, WEBHOOK_TOKEN: '"webhook-token"', JWT_ISSUER: "'me'" })).to.deep.equal([
      'WEBHOOK_TOKEN must not be in quotation marks: docker run --env-file, among others, keeps them',
      'JWT_ISSUER must not be in quotation marks: docker run --env-file, among others, keeps them',
    ])
    // What Windows writes as Unicode, two tokens in two lines, and bytes that are no text.
    const unicode = Buffer.from('\uFEFFwebhook-token', 'utf16le').toString('utf8')
    for (const WEBHOOK_TOKEN of [unicode, 'new\nold', Buffer.from([200, 201, 202]).toString('utf8')]) {
      expect(problemsOf({ ...REQUIRED, WEBHOOK_TOKEN })).to.deep.equal([
        'WEBHOOK_TOKEN must be one line of text, encoded as UTF-8',
      ])
    }
    // Marks inside a value, or at one end, belong to it.
    expect(readConfig({ ...REQUIRED, WEBHOOK_TOKEN: 'a"b,"c' }).WEBHOOK_TOKEN).to.deep.equal(['a"b', '"c'])
  })

  it('accept several tokens and origins, separated by commas', () => {
    const config = readConfig({
      ...REQUIRED,
      WEBHOOK_TOKEN: 'new, old',
      CORS_ORIGINS: 'https://a.example,http://b.example:81',
    })
    expect(config.WEBHOOK_TOKEN).to.deep.equal(['new', 'old'])
    expect(config.CORS_ORIGINS).to.deep.equal(['https://a.example', 'http://b.example:81'])
  })

  it('require Redis for a single role, and only the credentials of that role', () => {
    expect(() => readConfig({ ...REQUIRED, ROLE: 'node' })).to.throw('REDIS_URL is missing')
    const REDIS_URL = 'redis://127.0.0.1:6379'
    const { WEBHOOK_TOKEN, JWT_SECRET, ...app } = REQUIRED
    expect(readConfig({ ...app, JWT_SECRET, REDIS_URL, ROLE: 'node' }).ROLE).to.equal('node')
    expect(readConfig({ ...app, WEBHOOK_TOKEN, REDIS_URL, ROLE: 'receiver' }).ROLE).to.equal('receiver')
  })

  it('require the token where test recalls go to a receiver, and nothing that would have no effect', () => {
    const { WEBHOOK_TOKEN, ...rest } = REQUIRED
    const node = { ...rest, ROLE: 'node', REDIS_URL: 'redis://localhost' }
    const TEST_RECALL_URL = 'http://receiver:8080/webhook'
    const on = { TEST_RECALLS: 'on', TEST_RECALL_URL }
    expect(readConfig({ ...node, ...on, WEBHOOK_TOKEN })).to.include({ TEST_RECALL_URL })
    expect(readConfig({ ...node, ...on, WEBHOOK_AUTH: 'off' })).to.include({ TEST_RECALL_URL })
    expect(problemsOf({ ...node, ...on })).to.deep.equal(['WEBHOOK_TOKEN is missing'])
    expect(problemsOf({ ...node, TEST_RECALL_URL, WEBHOOK_TOKEN })).to.deep.equal([
      'TEST_RECALL_URL has no effect without TEST_RECALLS',
    ])
    expect(problemsOf({ ...node, ...on, WEBHOOK_TOKEN, WEBHOOK_AUTH: 'off' })).to.have.length(1)
    // In one file for all roles, and for both ways of one.
    expect(readConfig({ ...node, WEBHOOK_TOKEN }).WEBHOOK_TOKEN).to.deep.equal([WEBHOOK_TOKEN])
    expect(readConfig({ ...node, ...on, TEST_RECALLS: 'off', WEBHOOK_TOKEN }).TEST_RECALLS).to.equal('off')
    for (const wrong of ['receiver/webhook', 'http://a:b@receiver/webhook', 'http://receiver/webhook?x=1'])
      expect(problemsOf({ ...node, ...on, WEBHOOK_TOKEN, TEST_RECALL_URL: wrong }), wrong).to.not.be.empty
  })

  it('of a relay need a policy, and what they name exists', () => {
    const RELAY_URL = 'https://backend.example/im/callback'
    expect(problemsOf({ ...REQUIRED, RELAY_URL })).to.deep.equal(['RELAY_FALLBACK is missing'])
    const relay = { ...REQUIRED, RELAY_URL, RELAY_FALLBACK: 'deny' }
    const RELAY_FALLBACK_OVERRIDES = 'Group.CallbackBeforeSendMsg=allow, Sns.CallbackPrevFriendAdd=deny'
    expect(readConfig({ ...relay, RELAY_FALLBACK_OVERRIDES })).to.deep.include({
      RELAY_URL,
      RELAY_FALLBACK: 'deny',
      RELAY_FALLBACK_OVERRIDES: {
        'Group.CallbackBeforeSendMsg': 'allow',
        'Sns.CallbackPrevFriendAdd': 'deny',
      },
      RELAY_RECALLS: 'on',
    })
    // A node takes no webhooks, and may have the file of all.
    const node = { ...REQUIRED, ROLE: 'node', REDIS_URL: 'redis://localhost', RELAY_URL }
    expect(problemsOf(node)).to.deep.equal([])
    expect(problemsOf({ ...REQUIRED, RELAY_FALLBACK: 'deny' })).to.deep.equal([
      'RELAY_FALLBACK has no effect without RELAY_URL',
    ])
    for (const wrong of [
      'backend.example',
      'ftp://backend.example',
      'http://user:secret@backend.example',
      'http://backend.example/?x=1',
      'http://backend.example/#x',
      'http://backend.example/a/../b',
      'http://backend.example/a b',
      'http://backend.example\\@evil.example/',
    ])
      expect(problemsOf({ ...relay, RELAY_URL: wrong }), wrong).to.have.length.above(0)
    for (const wrong of [
      'Group.CallbackAfterSendMsg=deny',
      'Group.CallbackBeforeSendMsg',
      'Group.CallbackBeforeSendMsg=perhaps',
      'Group.CallbackBeforeSendMsg=deny,Group.CallbackBeforeSendMsg=allow',
      '__proto__=deny',
    ])
      expect(problemsOf({ ...relay, RELAY_FALLBACK_OVERRIDES: wrong }), wrong).to.have.length(1)
  })

  it('write origins in the spelling that browsers send', () => {
    const CORS_ORIGINS = 'https://App.example:443, capacitor://localhost,null,https://*.Example.com,*'
    expect(readConfig({ ...REQUIRED, CORS_ORIGINS }).CORS_ORIGINS).to.deep.equal([
      'https://app.example',
      'capacitor://localhost',
      'null',
      'https://*.example.com',
      '*',
    ])
    for (const wrong of ['app.example', 'wss://app.example', 'https://app.example/x', 'https://a-*.example'])
      expect(() => readConfig({ ...REQUIRED, CORS_ORIGINS: wrong }), wrong).to.throw(
        /CORS_ORIGINS must|CORS_ORIGINS may/,
      )
  })

  it('take a sign-in page as a URL or a path, and nothing that browsers read otherwise', () => {
    const with_ = (CONSOLE_LOGIN_URL: string) => ({ ...REQUIRED, CONSOLE_LOGIN_URL })
    for (const url of [
      'https://app.example/a?b=c',
      '/',
      '/sign-in?x',
      'http://app.example?next={return}&x=1',
      'https://a.example',
    ])
      expect(readConfig(with_(url)).CONSOLE_LOGIN_URL).to.equal(url)
    for (const wrong of [
      'javascript:alert(1)',
      'app.example/sign-in',
      '//app.example',
      '/\\app.example',
      'https:\\\\app.example',
      'https:app.example',
      'ftp://app.example',
      'https://user:secret@app.example/',
      'https://app.example/#x',
      '/a#',
      'https://app.example/{return}{return}',
      'https://app.example/{back}',
      'https://app example/',
      `https://app.example/${'x'.repeat(2_048)}`,
    ])
      expect(problemsOf(with_(wrong)), wrong).to.have.length(1)
    expect(withReturn('/in', 'https://g.example/a/')).to.equal('/in?return=https%3A%2F%2Fg.example%2Fa%2F')
    expect(withReturn('https://x.example/?a={return}&b', 'https://g.example/')).to.equal(
      'https://x.example/?a=https%3A%2F%2Fg.example%2F&b',
    )
    expect(withReturn('javascript:alert(1)//', 'https://g.example/')).to.equal(undefined)
  })

  it('are told in effect without what is secret in them', () => {
    const shown = (settings: Record<string, string>, environment = settings) => {
      const given = { ...REQUIRED, ...settings }
      const known = effectiveSettings({ ...REQUIRED, ...environment }, given, readConfig(given))
      return (name: string) => {
        const { value, origin } = known.find((one) => one.name === name) ?? {}
        return `${value} ${origin}`
      }
    }
    const redis = shown({ REDIS_URL: 'rediss://user:p%40ss@one.example:6380/2' })
    expect(redis('REDIS_URL')).to.equal('rediss://***@one.example:6380/2 environment')
    expect(redis('REDIS_SIGNING_KEY')).to.equal('null default')
    const cluster = shown({ REDIS_MODE: 'cluster', REDIS_URL: 'redis://:secret@one:1, redis://two:2' })
    expect(cluster('REDIS_URL')).to.equal('redis://***@one:1,redis://two:2 environment')
    const others = shown({
      JWKS_URL: 'https://sso.example/keys?key=secret',
      CONSOLE_LOGIN_URL: '/sign-in?key=secret&return={return}',
      WEBHOOK_PATH: '/secret',
      JWT_ROLE_CLAIM: 'a.b',
    })
    expect(others('JWKS_URL')).to.equal('https://sso.example/keys?… environment')
    expect(others('CONSOLE_LOGIN_URL')).to.equal('/sign-in?… environment')
    expect(others('WEBHOOK_PATH')).to.equal('set environment')
    expect(others('JWT_ROLE_CLAIM')).to.equal('a.b environment')
    expect(others('METRICS_ALLOW')).to.equal('loopback,linklocal,uniquelocal default')
    expect(others('JWT_SECRET')).to.equal('set environment')
    for (const [endpoint, told] of [
      ['http://user:a//b?c@otel.example:4317/x?key=secret', 'http://***@otel.example:4317/x?…'],
      ['user:secret@otel.example:4317', '***@otel.example:4317'],
      ['otel.example:4317', 'otel.example:4317'],
    ] as const) {
      const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
      expect(shown(grpc)('OTEL_EXPORTER_OTLP_ENDPOINT')).to.equal(`${told} environment`)
    }
    const dev = shown({ DRAIN_MS: '0' }, {})
    expect(dev('DRAIN_MS')).to.equal('0 default')
  })

  it('take networks by name, address and length', () => {
    const networks = 'loopback,shared, 10.0.0.0/8,fc00::/7,192.0.2.1'
    for (const name of ['TRUST_PROXY', 'METRICS_ALLOW', 'WEBHOOK_ALLOW'] as const) {
      expect(readConfig({ ...REQUIRED, [name]: networks })[name]).to.have.lengthOf(5)
      expect(() => readConfig({ ...REQUIRED, [name]: 'everybody' })).to.throw(
        `${name} must be addresses, networks (10.0.0.0/8`,
      )
    }
    expect(readConfig(REQUIRED).METRICS_ALLOW).to.deep.equal(['loopback', 'linklocal', 'uniquelocal'])
  })

  it('take a base path with or without a slash at its end, and none that something else is served at', () => {
    for (const [given, path] of [
      ['/recalls', '/recalls'],
      ['/a/recalls/', '/a/recalls'],
      ['/', undefined],
    ] as const) {
      expect(readConfig({ ...REQUIRED, BASE_PATH: given }).BASE_PATH).to.equal(path)
    }
    for (const BASE_PATH of ['recalls', '/a b', '/a?b', 'https://x/y', '/v1', '/docs/x', '/webhook'])
      expect(() => readConfig({ ...REQUIRED, BASE_PATH }), BASE_PATH).to.throw('BASE_PATH must')
    expect(() => readConfig({ ...REQUIRED, BASE_PATH: '/a', WEBHOOK_PATH: '/a/webhook' })).to.throw(
      'BASE_PATH must not',
    )
    expect(readConfig({ ...REQUIRED, BASE_PATH: '/web' }).BASE_PATH).to.equal('/web')
  })

  it('refuse webhook paths that are patterns or clash with other paths', () => {
    for (const WEBHOOK_PATH of [
      'webhook',
      '/a b',
      '/a?b',
      '/a*',
      '/:a',
      '/livez',
      '/metrics',
      '/client.js',
      '/client-DA4M_r0V.js',
      '/client.json',
      '/socket.io/x',
    ]) {
      expect(() => readConfig({ ...REQUIRED, WEBHOOK_PATH }), WEBHOOK_PATH).to.throw(
        /WEBHOOK_PATH must (not )?be a path/,
      )
    }
  })

  it('take a webhook path in any spelling', () => {
    for (const [WEBHOOK_PATH, path] of [
      ['/hook/', '/hook'],
      ['//a//b', '/a/b'],
      ['/', '/'],
      ['/%68ook', '/hook'],
    ] as const)
      expect(readConfig({ ...REQUIRED, WEBHOOK_PATH })).to.include({ WEBHOOK_PATH: path })
  })

  it('say what is right, whatever rule is broken', () => {
    const wrong = {
      PORT: '70000',
      HOST: 'a b',
      ROLE: 'boss',
      WEBHOOK_ALLOW: '10.0.0.0/99',
      REDIS_URL: 'http://b',
      REDIS_PREFIX: 'a/b',
      HISTORY_SIZE: '1.5',
      SPOOL_MAX_BYTES: '999',
      REDIS_WAIT_REPLICAS: '9',
      REDIS_WAIT_AOF: 'yes',
      JWKS_URL: 'http://keys.example/',
      JWT_ISSUER: 'x'.repeat(257),
      AUTHORIZE_URL: 'ftp://a',
      TENCENT_REST_HOST: 'a b',
      CORS_ORIGINS: 'app.example',
      MAX_SOCKETS: '1e999',
      ADMIN_USER_IDS: 'a,\u0000',
    }
    const problems = problemsOf({ ...REQUIRED, ...wrong })
    for (const name of Object.keys(wrong)) {
      const problem = problems.find((text) => text.startsWith(`${name} `))
      expect(problem, name).to.match(/^\w+ (must|contains|has no effect|is missing)/)
      expect(problem, name).to.not.match(/pattern|base|only|"|undefined|\{/)
    }
  })

  it('are refused if they have no effect, unless they are the default', () => {
    for (const [name, value, needed] of [
      ['REDIS_PREFIX', 'x', 'REDIS_URL'],
      ['REDIS_WAIT_AOF', '1', 'REDIS_URL'],
      ['REDIS_SENTINEL_NAME', 'x', 'REDIS_MODE=sentinel'],
      ['SPOOL_MAX_BYTES', '5000', 'REDIS_URL'],
      ['ADMIN_USER_IDS', 'alice', 'USERSIG_SECRET_KEY'],
      ['AUTHORIZE_SECRET', 'a'.repeat(32), 'AUTHORIZE_URL'],
      ['TENCENT_REST_HOST', 'console.tim.qq.com', 'USERSIG_SECRET_KEY'],
      ['TENCENT_REST_PER_S', '5', 'TENCENT_REST_HOST'],
      ['MEMBERSHIP_TTL_S', '5', 'AUTHORIZE_URL or TENCENT_REST_HOST'],
      ['TLS_KEY', 'key.pem', 'TLS_CERT'],
    ] as const) {
      const problem = `${name} has no effect without ${needed}`
      expect(problemsOf({ ...REQUIRED, [name]: value })).to.deep.equal([problem])
    }
    expect(
      problemsOf({ ...REQUIRED, REDIS_PREFIX: 'recall-gateway', MEMBERSHIP_TTL_S: '300' }),
    ).to.deep.equal([])
    const beside = { REDIS_URL: 'redis://a', REDIS_MODE: 'sentinel', REDIS_SENTINEL_NAME: 'x' }
    expect(problemsOf({ ...REQUIRED, ...beside })).to.deep.equal([])
    expect(problemsOf({ ...REQUIRED, WEBHOOK_AUTH: 'off' })).to.deep.equal([
      'WEBHOOK_TOKEN has no effect while WEBHOOK_AUTH is off: unset one of them',
    ])
    expect(problemsOf({ ...REQUIRED, PORT_FILE: '/run/port' })).to.deep.equal([
      'PORT_FILE has no effect: set PORT, only secrets can come from files',
    ])
  })

  it('are refused if they are URLs with a user or password, which would neither be sent nor stay out of the log', () => {
    const wrong = 'must not contain a user or password: no request would be sent'
    for (const name of ['JWKS_URL', 'AUTHORIZE_URL'] as const)
      for (const url of ['https://user:secret@app.example/x', 'https://secret@app.example/x']) {
        const settings = { ...REQUIRED, AUTHORIZE_SECRET: 'a'.repeat(32), AUTHORIZE_URL: 'https://a.example' }
        expect(problemsOf({ ...settings, [name]: url })).to.deep.equal([`${name} ${wrong}`])
      }
  })

  it('are recognized when they are misspelt', () => {
    const environment = {
      ...REQUIRED,
      CORS_ORIGIN: '*',
      JWT_SECRETS_FILE: 'x',
      PATH: '/bin',
      REDIS_PORT: '1',
      HOSTS: 'x',
      POST: 'x',
      WEBHOK_PATH: '/x',
      TRUST_PROXXY: 'x',
      METRICS_ALOLW: 'x',
      HISTORY_SISE: '1',
      HISTORY_SIZE_MAX: '1',
    }
    expect(misspeltSettings(environment)).to.deep.equal([
      { variable: 'CORS_ORIGIN', meant: 'CORS_ORIGINS' },
      { variable: 'JWT_SECRETS_FILE', meant: 'JWT_SECRET' },
      { variable: 'HOSTS', meant: 'HOST' },
      { variable: 'WEBHOK_PATH', meant: 'WEBHOOK_PATH' },
      { variable: 'TRUST_PROXXY', meant: 'TRUST_PROXY' },
      { variable: 'METRICS_ALOLW', meant: 'METRICS_ALLOW' },
      { variable: 'HISTORY_SISE', meant: 'HISTORY_SIZE' },
    ])
  })

  it('take keys of evidence in PEM, also in one line, and in Base64, and quote none that is wrong', () => {
    const seed = Buffer.alloc(32, 7).toString('base64')
    const idsOf = (EVIDENCE_KEY: string) =>
      readConfig({ ...REQUIRED, EVIDENCE_KEY }).EVIDENCE_KEY.map(({ id }) => id)
    const { privateKey } = generateKeyPairSync('ed25519')
    const own = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString().trim()
    const [first, second] = idsOf(`${seed}, ${own}`)
    expect(first).to.match(/^[0-9a-f]{16}$/)
    expect(second).to.not.equal(first)
    const lines = own.split('\n')
    const forms = ['\\n', '\\\\n', ' ', '', '\r\n', '\n  '].map((end) => lines.join(end))
    const oneWord = [String(lines[1]), Buffer.from(own).toString('base64')]
    for (const text of [...forms, ...oneWord]) expect(idsOf(text), text).to.deep.equal([second])
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey
    const locked = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
    for (const wrong of [
      'c2hvcnQ=',
      'four words of which no key '.repeat(2),
      String(locked).trim(),
      String(rsa.export({ format: 'pem', type: 'pkcs8' })).trim(),
    ]) {
      const [problem = ''] = problemsOf({ ...REQUIRED, EVIDENCE_KEY: wrong })
      expect(problem).to.include('EVIDENCE_KEY must be a private Ed25519 key')
      expect(problem).to.not.include(wrong.slice(-40, -30) || wrong)
    }
    expect(readConfig(REQUIRED).EVIDENCE_KEY).to.deep.equal([])
  })

  it('of tracing are whatever a platform says to all programs, unless spans are sent', () => {
    const platform = {
      OTEL_SERVICE_NAME: 'payments-production-recall-gateway-receiver',
      OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://localhost:14250,initialSamplingRate=0.25',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'no header',
    }
    const config = readConfig({ ...REQUIRED, ...platform })
    expect(config).to.include({ OTEL_SERVICE_NAME: 'recall-gateway', OTEL_TRACES_SAMPLER_ARG: 1 })
    expect(config.OTEL_EXPORTER_OTLP_HEADERS).to.deep.equal({})
    // With a protocol that the gateway does not have, it starts, and sends none.
    for (const OTEL_EXPORTER_OTLP_ENDPOINT of [
      'http://localhost:4318',
      'localhost:4317',
      'unix:///otel.sock',
    ]) {
      const foreign = readConfig({ ...REQUIRED, ...platform, OTEL_EXPORTER_OTLP_ENDPOINT })
      expect(foreign).to.include({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER_ARG: 1 })
      expect(options.collector(foreign)).to.equal(undefined)
    }
    const sent = {
      ...REQUIRED,
      ...platform,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    }
    expect(problemsOf({ ...sent, OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' })).to.have.length(3)
    expect(problemsOf(sent).map((problem) => problem.split(' ')[0])).to.have.members([
      'OTEL_TRACES_SAMPLER_ARG',
      'OTEL_EXPORTER_OTLP_HEADERS',
    ])
    const named = { ...sent, OTEL_TRACES_SAMPLER_ARG: '0.5', OTEL_EXPORTER_OTLP_HEADERS: 'a=b%2C' }
    const { url } = options.collector(readConfig(named)) ?? {}
    expect(url).to.equal('http://localhost:4318/v1/traces')
    for (const end of ['/', '//', '/v1/traces', '/v1/traces/', '/v1/traces//'])
      for (const base of ['http://localhost:4318', 'https://otel.example/v1/traces-in'])
        expect(
          options.collector(readConfig({ ...REQUIRED, OTEL_EXPORTER_OTLP_ENDPOINT: `${base}${end}` }))?.url,
        ).to.equal(`${base}/v1/traces`)
    expect(readConfig(named)).to.deep.include({
      OTEL_SERVICE_NAME: platform.OTEL_SERVICE_NAME,
      OTEL_TRACES_SAMPLER_ARG: 0.5,
      OTEL_EXPORTER_OTLP_HEADERS: { a: 'b,' },
    })
  })

  it('are frozen', () => {
    expect(() => Object.assign(readConfig(REQUIRED), { PORT: 1 })).to.throw(TypeError)
    expect(() => (readConfig(REQUIRED).WEBHOOK_TOKEN as string[]).push('x')).to.throw(TypeError)
  })

  it('are secret if they contain a credential', () => {
    expect(SECRET_SETTINGS).to.have.members([
      'WEBHOOK_TOKEN',
      'RELAY_URL',
      'REDIS_URL',
      'REDIS_SENTINEL_PASSWORD',
      'REDIS_SIGNING_KEY',
      'JWT_SECRET',
      'USERSIG_SECRET_KEY',
      'EVIDENCE_KEY',
      'AUTHORIZE_SECRET',
      'OTEL_EXPORTER_OTLP_HEADERS',
    ])
  })
})
