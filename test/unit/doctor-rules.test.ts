import { expect } from 'chai'
import type { RedisExamination } from '../../server/broker/redis/examination.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { judgeCombinations } from '../../server/doctor/combinations.ts'
import { judgeDataFolder } from '../../server/doctor/data-folder.ts'
import type { DataFolderFacts } from '../../server/doctor/data-folder.ts'
import type { Finding } from '../../server/doctor/finding.ts'
import { judgeMachine } from '../../server/doctor/machine.ts'
import { judgeProxy } from '../../server/doctor/proxy.ts'
import { judgePublicUrl } from '../../server/doctor/public-url-rules.ts'
import type { Answer, PublicUrlFacts } from '../../server/doctor/public-url.ts'
import { judgeRedis } from '../../server/doctor/redis.ts'
import { judgeSecrets } from '../../server/doctor/secrets.ts'
import { judgeEnvironment, readableSettings } from '../../server/doctor/settings.ts'
import { judgeRequestTimes, judgeWebhooks } from '../../server/doctor/webhooks.ts'
import { RequestTimes } from '../../server/receiver/request-times.ts'

const REQUIRED = {
  SDK_APP_ID: '1400000000',
  WEBHOOK_TOKEN: '3c1f0a7d9e5b4826',
  JWT_SECRET: 'f1d2c3b4a5968778695a4b3c2d1e0f99',
}

/** What a finding says that is not right: `severity id: found`. */
const wrongIn = (findings: readonly Finding[]): string[] =>
  findings
    .filter(({ severity }) => severity !== 'ok')
    .map(({ severity, id, found }) => `${severity} ${id}: ${found}`)

const HEALTHY = `redis_version:7.4.3
redis_mode:standalone
used_memory:1000000
total_system_memory:8000000000
maxmemory:0
maxmemory_policy:noeviction
connected_clients:10
role:master
connected_slaves:0
loading:0
aof_enabled:1
aof_last_write_status:ok
evicted_keys:0
`
const SETTINGS = {
  save: '',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'client-output-buffer-limit': 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
  timeout: '0',
  maxclients: '10000',
}
const MODE = {
  REDIS_MODE: 'single',
  REDIS_WAIT_AOF: 0,
  REDIS_WAIT_REPLICAS: 0,
  REDIS_SENTINEL_NAME: 'm',
} as const

const examined = (
  info: Readonly<Record<string, string>> = {},
  settings: Readonly<Record<string, string>> = {},
  rest: Partial<RedisExamination> = {},
): RedisExamination => ({
  failure: undefined,
  info: HEALTHY.split('\n')
    .filter((line) => !((line.split(':')[0] ?? '') in info))
    .concat(Object.entries(info).map(([name, value]) => `${name}:${value}`))
    .join('\n'),
  settings: new Map(Object.entries({ ...SETTINGS, ...settings })),
  deniedCommands: [],
  refused: [],
  clockAheadMs: 3,
  roundTripMs: 0.4,
  ...rest,
})

describe('the doctor', () => {
  describe('judges Redis', () => {
    it('right if all is right', () => {
      expect(wrongIn(judgeRedis(examined(), MODE, Date.now()))).to.deep.equal([])
    })

    const CASES: readonly (readonly [expected: RegExp, of: RedisExamination, mode?: object])[] = [
      [/^critical redis: refused/, examined({}, {}, { failure: 'refused' })],
      [/^critical redis-rights: .* xadd, waitaof/, examined({}, {}, { deniedCommands: ['xadd', 'waitaof'] })],
      [
        /^critical redis-rights: cannot announce: OOM/,
        examined({}, {}, { refused: [{ ability: 'announce', reason: 'OOM' }] }),
      ],
      [/^critical redis-version: Redis 6.2.1/, examined({ redis_version: '6.2.1' })],
      [/^warning redis-version: Valkey 7.2.0/, examined({ valkey_version: '7.2.0' })],
      [
        /^critical redis-version: .* lacks WAITAOF/,
        examined({ redis_version: '7.0.15' }),
        { REDIS_WAIT_AOF: 1 },
      ],
      [
        /^warning redis-version: Redis 7.4.1 can say too early/,
        examined({ redis_version: '7.4.1' }),
        { REDIS_WAIT_AOF: 1 },
      ],
      [/^critical redis-kind: what answers is a sentinel/, examined({ redis_mode: 'sentinel' })],
      [/^critical redis-kind: what answers is a replica/, examined({ role: 'slave' })],
      [/^warning redis-kind: the server is part of a cluster/, examined({ redis_mode: 'cluster' })],
      [/^warning redis-latency: a command takes 90 ms/, examined({}, {}, { roundTripMs: 90 })],
      [
        /^critical clock-redis: this machine is 40\.0 s behind Redis/,
        examined({}, {}, { clockAheadMs: -40_000 }),
      ],
      [
        /^warning clock-redis: this machine is 3\.0 s ahead of Redis/,
        examined({}, {}, { clockAheadMs: 3_000 }),
      ],
      [/^critical redis-persistence: Redis does not persist/, examined({ aof_enabled: '0' })],
      [/^warning redis-persistence: appendfsync is everysec/, examined({}, { appendfsync: 'everysec' })],
      [
        /^warning redis-eviction: maxmemory-policy is allkeys-lru/,
        examined({ maxmemory_policy: 'allkeys-lru' }),
      ],
      [
        /^critical redis-eviction: .* 7 keys were evicted/,
        examined({ maxmemory_policy: 'allkeys-lru', evicted_keys: '7' }),
      ],
      [/^critical redis-memory: Redis is nearly full/, examined({ maxmemory: '1000001' })],
      [
        /^warning redis-buffers: 1 MiB may wait for a subscriber/,
        examined({}, { 'client-output-buffer-limit': 'normal 0 0 0 pubsub 1048576 0 0' }),
      ],
      [
        /^warning redis-buffers: 1 MiB may wait for a client/,
        examined({}, { 'client-output-buffer-limit': 'normal 1048576 0 0 pubsub 0 0 0' }),
      ],
      [/^warning redis-connections: .* idle for 5 s/, examined({}, { timeout: '5' })],
      [
        /^critical redis-connections: 95 of 100/,
        examined({ connected_clients: '95' }, { maxclients: '100' }),
      ],
      [/^info redis-connections: the user may not read/, examined({}, {}, { settings: undefined })],
      [/^critical redis-replicas: 0 replicas confirm/, examined(), { REDIS_WAIT_REPLICAS: 1 }],
      [
        /^warning redis-replicas: 1 of 1 replicas have not confirmed/,
        examined({ connected_slaves: '1', slave0: 'ip=x,port=1,state=online,offset=1,lag=30' }),
      ],
      [
        /^info redis-replicas: 1 replicas, and REDIS_WAIT_REPLICAS is 0/,
        examined({ connected_slaves: '1', slave0: 'ip=x,port=1,state=online,offset=1,lag=0' }),
      ],
    ]
    for (const [expected, of, mode] of CASES)
      it(`${expected.source}`, () => {
        const wrong = wrongIn(judgeRedis(of, { ...MODE, ...mode }, Date.now()))
        expect(
          wrong.some((line) => expected.test(line)),
          wrong.join('\n'),
        ).to.equal(true)
      })

    it('without the rights to look, and says what is not known', () => {
      const wrong = wrongIn(
        judgeRedis({ ...examined(), info: undefined, settings: undefined }, MODE, Date.now()),
      )
      expect(wrong.filter((line) => !line.startsWith('info '))).to.deep.equal([])
      expect(wrong).to.have.lengthOf.above(3)
    })
  })

  it('names every setting that is wrong, variables that look like settings, and no value', () => {
    const wrong = judgeEnvironment({
      ...REQUIRED,
      SDK_APP_ID: 'hunter2',
      PORT: '99999999',
      REDIS_URI: 'redis://:hunter2@a',
      WEBHOOK_TOKENS: 'hunter2',
      RELAY_TIMEOUT: 'hunter2',
      REDIS_PASSWORD: 'hunter2',
      WEBHOOK_SERVICE_HOST: '10.0.0.1',
    })
    const text = wrongIn(wrong).join('\n')
    for (const part of [
      'critical settings: SDK_APP_ID must be digits',
      'critical settings: PORT',
      'warning settings-unknown: REDIS_URI',
      'warning settings-unknown: WEBHOOK_TOKENS',
      'RELAY_TIMEOUT',
      'REDIS_PASSWORD',
    ])
      expect(text).to.include(part)
    expect(text).to.not.include('WEBHOOK_SERVICE_HOST')
    expect(JSON.stringify(wrong)).to.not.include('hunter2')
    expect(judgeEnvironment(REQUIRED).map(({ severity }) => severity)).to.deep.equal(['ok'])
  })

  it('reads what can be read of broken settings, and does not guess whose folder it is', () => {
    expect(readableSettings(REQUIRED)).to.have.property('isAppKnown', true)
    const broken = readableSettings({
      ROLE: 'node',
      REDIS_URL: 'redis://a',
      PORT: 'x',
      SDK_APP_ID: 'x',
      DATA_DIR: '/d',
    })
    expect(broken).to.have.property('isAppKnown', false)
    expect(broken?.config).to.include({ REDIS_URL: 'redis://a', DATA_DIR: '/d', PORT: 8080, ROLE: 'node' })
    expect(readableSettings({ REDIS_URL: 'nonsense' })?.config).to.have.property('REDIS_URL', undefined)
  })

  it('judges secrets, and tells none', () => {
    const config = (settings: object) => ({ ...readConfig(REQUIRED), ...settings })
    const judge = (settings: object): string => wrongIn(judgeSecrets(config(settings))).join('\n')
    expect(judge({})).to.equal('')
    for (const token of ['xxxxyyyy', 'changeme', 'secret123', '…', 'aaaaaaaaaaaaaaaaaaaaaaaa'])
      expect(judge({ WEBHOOK_TOKEN: [token] }), token).to.match(
        /^critical secrets: WEBHOOK_TOKEN is an example/,
      )
    expect(judge({ WEBHOOK_TOKEN: ['k3y!'] })).to.equal(
      'warning secrets: WEBHOOK_TOKEN has 4 characters only',
    )
    expect(judge({ JWT_SECRET: ['ababababababababababababababababab'] })).to.include(
      'few different characters',
    )
    expect(judge({ JWT_SECRET: [`${REQUIRED.JWT_SECRET}\u200B`] })).to.equal(
      'warning secrets: JWT_SECRET has a character that nobody sees (U+200B)',
    )
    const shared = judge({ WEBHOOK_TOKEN: [REQUIRED.JWT_SECRET] })
    expect(shared).to.equal('warning secrets: WEBHOOK_TOKEN and JWT_SECRET are the same secret')
  })

  it('judges settings together', () => {
    const judge = (settings: object): string =>
      wrongIn(
        judgeCombinations({
          ...readConfig({
            ...REQUIRED,
            REDIS_URL: 'redis://a',
            REDIS_SIGNING_KEY: 'k'.repeat(32),
            EVIDENCE_KEY: `${'A'.repeat(43)}=`,
          }),
          ...settings,
        }),
      ).join('\n')
    expect(judge({})).to.equal('')
    expect(judge({ WEBHOOK_AUTH: 'off' })).to.match(/^critical .*WEBHOOK_AUTH/)
    expect(judge({ WEBHOOK_AUTH: 'off', HOST: '127.0.0.1' })).to.match(/^warning .*WEBHOOK_AUTH/)
    expect(judge({ TRUST_PROXY: ['0.0.0.0/0'] })).to.match(/^critical .*TRUST_PROXY/)
    expect(judge({ CORS_ORIGINS: ['*'] })).to.match(/^warning .*CORS_ORIGINS/)
    expect(judge({ METRICS_ALLOW: ['::/0'] })).to.match(/^warning .*METRICS_ALLOW/)
    expect(judge({ LOG_LEVEL: 'silent' })).to.match(/^warning .*LOG_LEVEL/)
    const collector = (port: number) =>
      judge({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://otel.example:${port}/x` })
    const grpc = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }
    expect(judge(grpc)).to.match(/^warning .*PROTOCOL is grpc: no spans are sent$/)
    expect([collector(4318), collector(4317)].join()).to.match(
      /^,warning .*port 4317, where collectors take gRPC/,
    )
    expect(judge({ KEEP_ALIVE_S: 5 })).to.match(/^warning .*KEEP_ALIVE_S/)
    expect(judge({ HISTORY_SIZE: 5 })).to.match(/^warning .*logs hold 5 notices/)
    expect(judge({ REDIS_SIGNING_KEY: [] })).to.match(/^info .*REDIS_SIGNING_KEY/)
    expect(judge({ EVIDENCE_KEY: [] })).to.match(/^info .*EVIDENCE_KEY/)
    expect(judge({ EVIDENCE_KEY: [], ROLE: 'receiver' })).to.equal('')
    expect(judge({ WEBHOOK_ALLOW: ['10.0.0.1'] })).to.match(/^info .*TRUST_PROXY is not/)
  })

  it('judges the clock by the fastest webhooks of the last five minutes', () => {
    let nowMs = 0
    const times = new RequestTimes(() => nowMs)
    const judge = () => wrongIn(judgeRequestTimes(times.state())).join()
    expect(judge()).to.match(/^info clock-webhooks: Tencent sent no webhook/)
    times.note('1000', 1_000_400)
    times.note(undefined, 1_000_400)
    expect(judge()).to.equal('')
    times.note('1000', 1_045_000)
    expect(judge()).to.match(/^warning clock-webhooks: 2 webhooks .* took very long/)
    nowMs = 400_000
    expect(judge()).to.match(/^info/)
    times.note('1000', 1_090_000)
    expect(judge()).to.match(/^critical clock-webhooks: 1 webhooks came 90\.0 to 90\.0 s .* ahead/)
    nowMs = 800_000
    times.note('1000', 990_000)
    expect(judge()).to.match(/^warning clock-webhooks: .*-10\.0.* behind/)
  })

  it('judges webhooks by code', () => {
    const state = {
      ok: 0,
      refused: {},
      failed: {},
      lastOkAgeMs: null,
      refusedInARow: 0,
      refusedForMs: null,
      lastFailedAgeMs: null,
    }
    const judge = (some: object) => wrongIn(judgeWebhooks({ ...state, ...some }))
    expect(judge({})[0]).to.match(/^info webhooks: Tencent sent none since .*do not count/)
    expect(judge({ ok: 3, refused: { METHOD_NOT_ALLOWED: 4 } })).to.deep.equal([])
    expect(judge({ refused: { WEBHOOK_FORGED: 1 }, refusedInARow: 1, refusedForMs: 99_000 })[0]).to.match(
      /^warning/,
    )
    expect(judge({ refused: { WEBHOOK_FORGED: 4 }, refusedInARow: 4, refusedForMs: 9_000 })[0]).to.match(
      /^critical webhooks: 4 refused with WEBHOOK_FORGED: their Sign/,
    )
    expect(judge({ ok: 1, refused: { OTHER: 4 } })[0]).to.match(/^warning webhooks: 4 refused with OTHER/)
    expect(judge({ ok: 1, failed: { NOT_KEPT: 2 } })[0]).to.match(
      /^critical webhooks: 2 not stored \(NOT_KEPT\)/,
    )
  })

  it('judges the proxy by who says for whom a request is', () => {
    const judge = (state: object, TRUST_PROXY: readonly string[] = []) =>
      wrongIn(judgeProxy({ trusted: 0, direct: 0, untrusted: [], ...state }, { TRUST_PROXY })).join()
    expect(judge({ direct: 99 })).to.equal('')
    expect(judge({ untrusted: [{ address: '10.0.0.7', requests: 20 }] })).to.match(
      /^critical proxy: requests come through 10\.0\.0\.7/,
    )
    expect(judge({ direct: 4, untrusted: [{ address: '10.0.0.7', requests: 20 }] })).to.match(
      /^warning proxy/,
    )
    // Anybody on the internet can send the header.
    expect(judge({ untrusted: [{ address: '203.0.113.7', requests: 20 }] })).to.equal('')
    expect(judge({ direct: 99 }, ['10.0.0.7'])).to.match(/^info proxy: TRUST_PROXY is set/)
    expect(judge({ direct: 99, trusted: 1 }, ['10.0.0.7'])).to.equal('')
  })

  it('judges the data folder', () => {
    const facts: DataFolderFacts = {
      path: '/data',
      exists: true,
      unwritable: undefined,
      unusable: undefined,
      isOwn: true,
      mode: 0o750,
      freeBytes: 2 ** 40,
      freeFiles: 2 ** 20,
      fileSystem: 0xef53,
      flushMs: 1,
      isLocked: true,
    }
    const settings = {
      DATA_DIR: '/data',
      SDK_APP_ID: '1',
      SPOOL_MAX_BYTES: 2 ** 30,
      QUARANTINE_MAX_BYTES: 2 ** 28,
      RELAY_QUEUE_MAX_BYTES: 2 ** 30,
    }
    const judge = (some: object): string =>
      wrongIn(judgeDataFolder({ ...facts, ...some }, settings)).join('\n')
    expect(judge({})).to.equal('')
    expect(judge({ unwritable: 'EACCES' })).to.match(/^critical data-folder: cannot write to \/data: EACCES/)
    expect(judge({ unusable: 'of another app' })).to.match(/^critical data-folder: \/data cannot be used/)
    expect(judge({ fileSystem: 0x01021994 })).to.match(/^warning data-folder: .*tmpfs/)
    expect(judge({ fileSystem: 0x6969 })).to.match(/^warning data-folder: .*NFS/)
    expect(judge({ fileSystem: 0x794c7630 })).to.match(/^warning data-folder: .*inside of the container/)
    expect(judge({ freeBytes: 2 ** 20 })).to.match(/^critical data-folder-space: 1 MiB/)
    expect(judge({ freeBytes: 2 ** 28 })).to.match(/^warning data-folder-space: 256 MiB/)
    expect(judge({ freeFiles: 5 })).to.match(/^critical data-folder-space: only 5 more files/)
    expect(judge({ flushMs: 80 })).to.match(/^warning data-folder-flush: a flush takes 80 ms/)
    expect(judge({ flushMs: 2_100 })).to.match(/^critical data-folder-flush/)
    expect(judge({ mode: 0o755 })).to.match(/^info data-folder: everybody/)
  })

  it('judges the machine', () => {
    const facts = {
      nodeVersion: '24.1.0',
      maxOpenFiles: 65_536,
      openFiles: 40,
      memoryBytes: 2 ** 30,
      heapLimitBytes: 2 ** 29,
      inUseBytes: 2 ** 26,
      loopDelayMs: 1,
    }
    const judge = (some: object, ROLE: 'all' | 'receiver' = 'all'): string =>
      wrongIn(judgeMachine({ ...facts, ...some }, { MAX_SOCKETS: 20_000, ROLE })).join('\n')
    expect(judge({})).to.equal('')
    expect(judge({ maxOpenFiles: 1_024 })).to.match(/^warning open-files: 1024 files/)
    expect(judge({ maxOpenFiles: 8_192 }, 'receiver')).to.equal('')
    expect(judge({ openFiles: 65_000 })).to.match(/^critical open-files/)
    expect(judge({ memoryBytes: 2 ** 27 })).to.match(/^warning memory/)
    expect(judge({ heapLimitBytes: 2 ** 32 })).to.match(/^warning memory: .* before its heap is full/)
    expect(judge({ inUseBytes: 2 ** 30 - 1 })).to.match(/^critical memory/)
    expect(judge({ loopDelayMs: 900 })).to.match(/^warning event-loop: a timer came 900 ms late/)
    expect(judge({ nodeVersion: '23.0.0' })).to.match(/^info node/)
  })

  it('judges what is in front by what comes through it', () => {
    const fine = (text = '', headers = {}): Answer => ({ status: 200, headers, text, firstByteMs: 5 })
    const facts: PublicUrlFacts = {
      url: 'https://a',
      plain: fine(),
      webSocket: { ...fine(), status: 101 } as Answer,
      stream: fine(),
      streamCutAfterMs: undefined,
      isTrusted: true,
      longRequest: fine(),
      webhook: fine('{"ActionStatus":"OK"}'),
      largeWebhook: fine('{"ActionStatus":"OK"}'),
      seen: { address: '203.0.113.7', throughTrustedProxy: false, forwarded: false },
    }
    const NOW_MS = 1_764_000_000_000
    const judge = (some: object): string => wrongIn(judgePublicUrl({ ...facts, ...some }, NOW_MS)).join('\n')
    const ends = (inDays: number): object => ({
      seen: undefined,
      plain: { ...fine(), certificateEndsAtMs: NOW_MS + inDays * 86_400_000 },
    })
    expect(judge(ends(60))).to.equal('')
    expect(judge(ends(3))).to.match(/^warning tls-certificate: it expires in 3 days/)
    const refused = (code: string): Answer =>
      fine(JSON.stringify({ ActionStatus: 'FAIL', ErrorInfo: `${code}: x` }))
    expect(judge({ seen: undefined })).to.equal('')
    expect(judge({ plain: { failure: 'ECONNREFUSED' } })).to.match(
      /^critical public-url: https:\/\/a cannot be reached: ECONN/,
    )
    expect(judge({ url: 'http://a' })).to.match(/^warning public-url: .*without TLS/)
    expect(judge({ webSocket: fine() })).to.match(/^critical public-websocket/)
    expect(judge({ stream: fine('', { 'content-encoding': 'gzip' }) })).to.match(
      /^warning public-stream: something compresses/,
    )
    expect(judge({ stream: { ...fine(), firstByteMs: 4_000 } })).to.match(/^warning public-stream: .*buffers/)
    expect(judge({ streamCutAfterMs: 10_020 })).to.match(/^warning public-stream: .* ended after 10\.0 s/)
    expect(judge({ isTrusted: false, stream: undefined, webhook: undefined })).to.match(
      /^info public-webhook: webhooks and streams were not tried/,
    )
    expect(judge({ longRequest: { ...fine(), status: 414 } })).to.match(/^warning public-headers: .*414/)
    expect(judge({ webhook: fine('<html>') })).to.match(/^critical public-webhook: what answers/)
    expect(judge({ webhook: refused('WEBHOOK_FORGED') })).to.match(
      /^critical public-webhook: .*WEBHOOK_FORGED/,
    )
    expect(judge({ webhook: refused('ADDRESS_REFUSED') })).to.match(/^info public-webhook/)
    expect(judge({ largeWebhook: { ...fine(), status: 413 } })).to.match(
      /^critical public-webhook: webhooks of 240 KiB/,
    )
    expect(judge({ seen: { address: '10.0.0.7', throughTrustedProxy: false, forwarded: true } })).to.match(
      /^critical public-address: .*10\.0\.0\.7/,
    )
  })
})
