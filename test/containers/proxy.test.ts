import { readFileSync } from 'node:fs'
import { maxHeaderSize } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parse } from 'yaml'
import { STOP_GRACE_MS } from '../../server/cli/start.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { refusal } from '../../server/receiver/responses.ts'
import { ERRORS, GatewayError } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import * as limits from '../../shared/limits.ts'
import { bytes, findAll, milliseconds, parseNginxConf } from '../support/nginx-conf.ts'
import type { Directive } from '../support/nginx-conf.ts'
import { writeOuterProxies } from '../support/nginx-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

const DEFAULTS = readConfig({
  SDK_APP_ID: '1400000000',
  WEBHOOK_TOKEN: 'token',
  JWT_SECRET: 'a-secret-of-at-least-32-characters',
})
/** Connections of a node beside its sockets. */
const OTHER_CONNECTIONS = 5_000
const KEEP_ALIVE_MS = DEFAULTS.KEEP_ALIVE_S * 1_000
const HEARTBEAT_MS = DEFAULTS.HEARTBEAT_S * 1_000

interface Service {
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly ulimits?: { readonly nofile: number }
}

const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
}
const gateways = Object.keys(services).filter((name) => /^(receiver|node)/.test(name))
const nodes = gateways.filter((name) => name.startsWith('node'))
const proxy = services['proxy'] ?? {}

const nginx = parseNginxConf(read('server/deploy/nginx.conf'))
const server = findAll(nginx, 'server').filter(({ children }) => children.length > 0)[0]?.children ?? []
const locations = findAll(server, 'location')

/** The one value of a directive in a block, or inherited from the server. */
const valueOf = (block: readonly Directive[], name: string): string | undefined =>
  (block.find((directive) => directive.name === name) ?? server.find((directive) => directive.name === name))
    ?.values[0]

/** The location that nginx chooses for a path: the first pattern that matches, otherwise the prefix `/`. */
function locationOf(path: string): readonly Directive[] {
  const matching = locations.find(
    ({ values: [operator = '', pattern = ''] }) =>
      operator.startsWith('~') && new RegExp(pattern, operator === '~*' ? 'i' : '').test(path),
  )
  return (matching ?? locations.find(({ values }) => values[0] === '/'))?.children ?? []
}

const upstream = (name: string): readonly Directive[] =>
  findAll(nginx, 'upstream').find(({ values }) => values[0] === name)?.children ?? []

const kibibytes = (size: number): string => `${size / 1_024} KiB`

describe('nginx.conf', () => {
  it('is mounted read-only where nginx looks for it, with the script before it', () => {
    expect(proxy.volumes).to.deep.equal([
      './server/deploy/nginx.conf:/etc/nginx/nginx.conf:ro',
      './server/deploy/outer-proxies.sh:/docker-entrypoint.d/30-outer-proxies.sh:ro',
    ])
  })

  it('listens on the port that is published', () => {
    const ports = proxy.ports?.map((port) => port.split(':').at(-1))
    expect(ports).to.deep.equal([valueOf([], 'listen')])
  })

  it('forwards to the receiver and all nodes, on their default port', () => {
    const names = [...upstream('receiver'), ...upstream('nodes')]
      .filter(({ name }) => name === 'server')
      .map(({ values }) => values[0])
    expect(names).to.deep.equal(gateways.map((name) => `${name}:${DEFAULTS.PORT}`))
  })

  it('forwards each path to the processes that serve it, also below a base path', () => {
    for (const base of ['', '/recalls', '/a/b.c']) {
      for (const path of [DEFAULTS.WEBHOOK_PATH, `${DEFAULTS.WEBHOOK_PATH}/secret`])
        expect(valueOf(locationOf(base + path), 'proxy_pass'), path).to.equal('http://receiver')
      for (const path of [
        '/',
        '/webhooks',
        limits.SOCKET_PATH,
        '/v1/stream',
        '/v1/export',
        '/v1/notices',
        '/docs/',
      ])
        expect(valueOf(locationOf(base + path), 'proxy_pass'), path).to.equal('http://nodes')
      for (const path of ['/metrics', '/Metrics/', '/metrics/x'])
        expect(valueOf(locationOf(base + path), 'return'), path).to.equal('404')
      const headers = locationOf(base + limits.SOCKET_PATH).filter(({ name }) => name === 'proxy_set_header')
      expect(headers.map(({ values }) => values[0])).to.include.members(['Upgrade', 'Connection', 'Host'])
    }
  })

  it('sets the same headers wherever it forwards, because one that sets a header inherits none', () => {
    const set = (block: readonly Directive[]): string[] =>
      block.filter(({ name }) => name === 'proxy_set_header').map(({ values }) => values.join(' '))
    const common = set(server).filter((header) => !header.startsWith('Connection'))
    expect(common).to.deep.equal([
      'Host $asked_host',
      'X-Forwarded-For $remote_addr',
      'X-Forwarded-Proto $asked_proto',
      'X-Forwarded-Host $asked_forwarded_host',
    ])
    for (const { children } of locations)
      if (set(children).length > 0) expect(set(children)).to.include.members(common)
  })

  it('takes bodies as large as the gateway does, in memory', () => {
    expect(bytes(valueOf(locationOf('/v1/disconnect'), 'client_max_body_size'))).to.equal(
      limits.MAX_REQUEST_BYTES,
    )
    const webhook = locationOf(DEFAULTS.WEBHOOK_PATH)
    expect(bytes(valueOf(webhook, 'client_max_body_size'))).to.equal(limits.MAX_WEBHOOK_BYTES)
    expect(bytes(valueOf(webhook, 'client_body_buffer_size'))).to.equal(limits.MAX_WEBHOOK_BYTES)
  })

  it('takes a request line and headers as large as the gateway does', () => {
    const [, ...[count, size]] = [
      '',
      ...(server.find(({ name }) => name === 'large_client_header_buffers')?.values ?? []),
    ]
    const query = `GET /v1/recalled?group=${'%F0'.repeat(256)}&seqs=${`${Number.MAX_SAFE_INTEGER}%2C`.repeat(limits.MAX_SEQS)}`
    expect(bytes(size)).to.be.above(query.length).and.above(limits.MAX_TOKEN_CHARACTERS)
    expect(bytes(size) * Number(count)).to.be.at.least(limits.MAX_HEADER_BYTES)
    expect(limits.MAX_HEADER_BYTES).to.be.above(query.length + limits.MAX_TOKEN_CHARACTERS + 8 * 1_024)
    expect(limits.MAX_HEADER_BYTES).to.be.above(maxHeaderSize)
  })

  it('waits longer for data than the gateway is silent', () => {
    const longestMs = limits.silenceAfter(limits.MAX_HEARTBEAT_S * 1_000)
    expect(milliseconds(valueOf(locationOf('/v1/stream'), 'proxy_read_timeout'))).to.be.above(longestMs)
    expect(valueOf(locationOf('/v1/stream'), 'proxy_buffering')).to.equal('off')
    for (const name of ['proxy_read_timeout', 'proxy_send_timeout'])
      expect(milliseconds(valueOf(locationOf(limits.SOCKET_PATH), name))).to.be.above(longestMs)
    for (const path of ['/v1/export', '/recalls/v1/evidence'])
      expect(milliseconds(valueOf(locationOf(path), 'proxy_read_timeout')), path).to.equal(90_000)
  })

  it('keeps the times of the provider: tries again before it gives up, and responds with an error afterwards', () => {
    const webhook = locationOf(DEFAULTS.WEBHOOK_PATH)
    const unanswered = locations.find(({ values }) => values[0] === '@unanswered')?.children ?? []
    expect(milliseconds(valueOf(webhook, 'proxy_next_upstream_timeout'))).to.be.below(
      limits.PROVIDER_TIMEOUT_MS,
    )
    expect(milliseconds(valueOf(webhook, 'proxy_read_timeout'))).to.be.above(limits.RETRYABLE_FAILURE_MS)
    expect(milliseconds(valueOf(unanswered, 'auth_delay'))).to.equal(limits.RETRYABLE_FAILURE_MS)
    expect(limits.RETRYABLE_FAILURE_MS).to.be.above(limits.PROVIDER_TIMEOUT_MS)
  })

  it('ends idle connections to the gateway first, and those to whoever calls it last', () => {
    expect(milliseconds(valueOf(upstream('receiver'), 'keepalive_timeout'))).to.be.below(KEEP_ALIVE_MS)
    expect(milliseconds(valueOf([], 'keepalive_timeout'))).to.be.above(KEEP_ALIVE_MS)
  })

  it('asks the next node after one that does not respond', () => {
    expect(milliseconds(valueOf([], 'proxy_next_upstream_timeout'))).to.be.above(
      milliseconds(valueOf([], 'proxy_read_timeout')) + milliseconds(valueOf([], 'proxy_connect_timeout')),
    )
  })

  it('does not take a response of a node for its failure', () => {
    const conditions = findAll(nginx, 'proxy_next_upstream').flatMap(({ values }) => values)
    expect(new Set(conditions)).to.deep.equal(new Set(['error', 'timeout', 'non_idempotent']))
  })

  it('holds the sockets of all nodes, and every process may open as many files', () => {
    const number = (name: string): number => Number(findAll(nginx, name)[0]?.values[0])
    const sockets = nodes.length * DEFAULTS.MAX_SOCKETS
    expect(number('worker_processes') * number('worker_connections')).to.be.at.least(2 * sockets * 1.5)
    expect(number('worker_rlimit_nofile')).to.be.above(number('worker_connections'))
    expect(proxy.ulimits?.nofile).to.equal(number('worker_rlimit_nofile'))
    for (const name of gateways)
      expect(services[name]?.ulimits?.nofile).to.be.above(DEFAULTS.MAX_SOCKETS + OTHER_CONNECTIONS + 1_000)
  })

  it('has errors of its own that look like those of the gateway', () => {
    const bodies = findAll(server, 'return').filter(({ values }) => values.length === 2)
    const isOfWebhook = ({ values }: { readonly values: readonly string[] }): boolean =>
      values[1]?.includes('ActionStatus') === true
    expect(bodies.filter(isOfWebhook).map(({ values }) => values)).to.deep.equal([
      ['413', `'${JSON.stringify(refusal(new GatewayError('BODY_TOO_LARGE')))}'`],
      ['503', `'${JSON.stringify(refusal(new GatewayError('NOT_KEPT', 'no receiver responded')))}'`],
    ])
    const others = bodies.filter((body) => !isOfWebhook(body))
    expect(others).to.have.lengthOf(5)
    for (const {
      values: [status, text = ''],
    } of others) {
      const { code, retry } = JSON.parse(text.slice(1, -1)) as { code: ErrorCode; retry: boolean }
      expect([Number(status), retry]).to.deep.equal([ERRORS[code].status, ERRORS[code].retry])
    }
    const texts = bodies.map(({ values }) => values[1]).join('\n')
    expect(texts).to.include(kibibytes(limits.MAX_REQUEST_BYTES))
  })
})

describe('nginx-host.conf', () => {
  const host = parseNginxConf(read('server/deploy/nginx-host.conf'))
  const servers = findAll(host, 'server').filter(({ children }) => children.length > 0)
  const ofHost = ({ name }: Directive): boolean => name === 'listen' || name.startsWith('ssl_')

  it('serves over TLS what nginx.conf serves, with the same limits and times', () => {
    const withoutLog = (directives: readonly Directive[]): unknown =>
      JSON.parse(JSON.stringify(directives).replaceAll('/var/log/nginx/access.log', '/dev/stdout'))
    expect(withoutLog(servers[1]?.children.filter((one) => !ofHost(one)) ?? [])).to.deep.equal(
      server.filter((one) => !ofHost(one)),
    )
    for (const name of [
      'log_format',
      'map',
      'real_ip_header',
      'real_ip_recursive',
      'worker_shutdown_timeout',
    ])
      expect(findAll(host, name), name).to.deep.equal(findAll(nginx, name))
  })

  it('holds the sockets of the nodes that it names', () => {
    const number = (name: string): number => Number(findAll(host, name)[0]?.values[0])
    const named = findAll(host, 'upstream')[1]?.children.filter(({ name }) => name === 'server') ?? []
    const sockets = named.length * DEFAULTS.MAX_SOCKETS
    expect(number('worker_processes') * number('worker_connections')).to.be.at.least(2 * sockets * 1.5)
    expect(number('worker_rlimit_nofile')).to.be.above(number('worker_connections'))
  })

  it('ends idle connections to the receivers first', () => {
    const [receiver] = findAll(host, 'upstream')
    expect(
      milliseconds(receiver?.children.find(({ name }) => name === 'keepalive_timeout')?.values[0]),
    ).to.be.below(KEEP_ALIVE_MS)
  })
})

describe('haproxy.cfg', () => {
  const text = read('server/deploy/haproxy.cfg')

  it('gives up the rights of root, and ends what an earlier configuration left behind', () => {
    const [, global = ''] = /^global\n([^]*?)\n\S/m.exec(text) ?? []
    for (const line of ['user haproxy', 'group haproxy', 'chroot /var/lib/haproxy', 'hard-stop-after 1h'])
      expect(global).to.match(new RegExp(`^  ${line}$`, 'm'))
  })

  it('takes of one address what the nodes take, and more from all', () => {
    const nodesNamed = new Set(text.match(/^  server node-\d/gm)).size
    const perAddress = Number(/sc0_conn_cur gt (\d+)/.exec(text)?.[1])
    expect(perAddress).to.be.above(nodesNamed * DEFAULTS.MAX_SOCKETS_PER_ADDRESS)
    const all = Number(/^  maxconn (\d+)$/m.exec(text)?.[1])
    expect(all).to.be.above(Math.max(10 * perAddress, nodesNamed * DEFAULTS.MAX_SOCKETS))
  })
})

describe('the proxies in front of nginx', () => {
  const folder = temporaryFolder()
  const file = join(folder.path, 'outer-proxies.conf')
  after(() => folder.remove())

  const written = (outerProxies: string): string => {
    writeOuterProxies(outerProxies, file)
    return readFileSync(file, 'utf8')
  }

  it('are addresses and networks, and nobody by default', () => {
    expect(written('')).to.equal('')
    expect(written('10.0.0.0/8, fc00::/7,192.0.2.1')).to.equal(
      'set_real_ip_from 10.0.0.0/8;\nset_real_ip_from fc00::/7;\nset_real_ip_from 192.0.2.1;\n',
    )
  })

  it('are the host in docker-compose.yml, which publishes the port to the host alone', () => {
    expect(proxy.environment?.['OUTER_PROXIES']).to.equal('${OUTER_PROXIES:-host}')
    expect(proxy.ports).to.satisfy((ports: string[]) => ports.every((port) => port.startsWith('127.0.0.1:')))
    // Empty where the machine has no default route.
    expect(written('host')).to.match(/^(set_real_ip_from \d+\.\d+\.\d+\.\d+;\n)?$/)
  })

  it('are refused if they are something else, before nginx starts', () => {
    for (const wrong of ['everybody', 'abc', '10.0.0.0/8;', '$x', '"10.0.0.1"'])
      expect(() => written(wrong), wrong).to.throw('OUTER_PROXIES is invalid')
  })
})

describe('the documents', () => {
  const rows = (file: string): string[] =>
    read(file)
      .split('\n')
      .filter((line) => line.startsWith('|'))
  const row = (file: string, start: string): string =>
    rows(file).find((line) => line.slice(2).startsWith(start)) ?? `no row "${start}" in ${file}`

  it('name the limits that the gateway has', () => {
    const file = 'server/docs/limits.md'
    expect(row(file, 'Webhook body larger than')).to.include(kibibytes(limits.MAX_WEBHOOK_BYTES))
    expect(row(file, 'A message over')).to.include(kibibytes(limits.MAX_REQUEST_BYTES))
    expect(row(file, 'More than 1,000 `seqs`')).to.include(kibibytes(limits.MAX_REQUEST_BYTES))
    expect(row(file, 'Headers over')).to.include(kibibytes(limits.MAX_HEADER_BYTES))
    expect(row(file, '`DRAIN_MS` +')).to.include(`\`DRAIN_MS\` + ${STOP_GRACE_MS / 1_000} s`)
    expect(row(file, 'A token over')).to.include(limits.MAX_TOKEN_CHARACTERS.toLocaleString('en'))
    expect(read('shared/PROTOCOL.md')).to.include(`larger than ${kibibytes(limits.MAX_WEBHOOK_BYTES)}`)
    expect(ERRORS.BODY_TOO_LARGE.text).to.include(kibibytes(limits.MAX_WEBHOOK_BYTES))
  })

  it('tell what other proxies must let through', () => {
    const file = 'server/docs/deployment.md'
    const seconds = (ms: number): string => `${ms / 1_000} s`
    expect(row(file, 'Request line'))
      .to.include(kibibytes(limits.MAX_HEADER_BYTES))
      .and.include(limits.MAX_TOKEN_CHARACTERS.toLocaleString('en'))
    expect(row(file, 'Body of a webhook')).to.include(kibibytes(limits.MAX_WEBHOOK_BYTES))
    expect(row(file, 'Body of another request')).to.include(kibibytes(limits.MAX_REQUEST_BYTES))
    const without = row(file, 'Time without data')
    expect(without).to.include(`\`HEARTBEAT_S\` (${seconds(HEARTBEAT_MS)})`)
    expect(without).to.include(seconds(limits.silenceAfter(HEARTBEAT_MS)))
    const longest = row('server/docs/limits.md', '1.25 × `HEARTBEAT_S`')
    expect(longest).to.include(seconds(limits.silenceAfter(HEARTBEAT_MS)))
    expect(row(file, 'Idle connections')).to.include(seconds(KEEP_ALIVE_MS))
  })
})
