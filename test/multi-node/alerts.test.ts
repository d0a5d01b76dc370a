import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { startObservedSystem } from '../support/observed-system.ts'
import type { ObservedSystem } from '../support/observed-system.ts'
import { programPath } from '../support/programs.ts'
import { JOB, startPrometheus } from '../support/prometheus.ts'
import type { Alert, Prometheus } from '../support/prometheus.ts'
import { waitUntil } from '../support/wait.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** Prometheus reads so often, and the rules wait so many times less, that a test can see an alert come and go. */
const INTERVAL_MS = 500
const TIMES_FASTER = 12
const RATE_INTERVAL = '5s'
/** After Redis is back, nodes of a busy machine catch up for seconds: what waits for half a minute waits for longer than that. */
const RECOVERY_MS = { from: 30_000, atLeast: 9_000 }
/** What follows from Redis, and is not told while it is down, would fire within the time for which a process is not ready. */
const LONGEST_SUPPRESSED_MS = 120_000 / TIMES_FASTER

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** Divides every duration of the rules. */
const faster = (rules: string): string =>
  rules.replace(/(for: |\[|offset )(\d+)([smh])\b/g, (_, before: string, count: string, unit: string) => {
    const ms = Number(count) * (UNITS_MS[unit] ?? 0)
    const leastMs = ms < RECOVERY_MS.from ? 0 : RECOVERY_MS.atLeast
    return `${before}${Math.round(Math.max(ms / TIMES_FASTER, leastMs))}ms`
  })

/** Returns the anchor of a heading, as the documents have it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-')

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly interval?: string }[]
  readonly fieldConfig?: { readonly defaults: { readonly mappings?: readonly Mapping[] } }
}

interface Mapping {
  readonly type: string
  readonly options: { readonly match: string; readonly result: { readonly color: string } }
}

const dashboard = JSON.parse(read('server/deploy/grafana-dashboard.json')) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] }
}

const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, refId }) => ({
    name: `${title}, ${refId}`,
    expression: expr
      .replaceAll('$job', JOB)
      .replaceAll('$instance', '.*')
      .replaceAll('$__rate_interval', RATE_INTERVAL),
  })),
)

describe('the dashboard for Grafana', () => {
  it('has panels of the core alone, side by side, that name their data source by the variable', () => {
    const { panels, templating } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length)
    expect(queries.length).to.be.above(50)
    // It would be there without a single process: what nobody counts is not none.
    for (const { name, expression } of queries) expect(expression, name).to.not.include('vector(')
    const cells = new Set<string>()
    for (const { title, type, gridPos, datasource } of panels) {
      expect(type, title).to.be.oneOf(['row', 'stat', 'table', 'timeseries'])
      if (type !== 'row') expect(datasource?.uid, title).to.equal('${datasource}')
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x, title).to.be.within(0, 23)
          expect(cells.has(`${x} ${y}`), title).to.equal(false)
          cells.add(`${x} ${y}`)
        }
    }
    // A rate needs two readings: Grafana takes four times the minimum step, or what it believes of the data source.
    for (const { title, targets = [] } of panels)
      for (const { expr, interval } of targets)
        expect(interval, title).to.equal(expr.includes('$__rate_interval') ? '$scrape' : undefined)
    // The color of the lowest step, green, would stand for an empty answer as well.
    for (const { title, fieldConfig } of panels.filter(({ type }) => type === 'stat')) {
      const empty = fieldConfig?.defaults.mappings?.find(({ options }) => options.match === 'null+nan')
      expect(empty?.type, title).to.equal('special')
      expect(empty?.options.result.color, title).to.match(/^#(..)\1\1$/)
    }
    const variables = new Set(templating.list.map(({ name }) => name))
    for (const [, name] of read('server/deploy/grafana-dashboard.json').matchAll(/\$\{?([a-z]\w+)/g))
      expect([...variables], name).to.include(name)
  })
})

describe('the rules for Prometheus', () => {
  const promtool = (...args: readonly string[]): Promise<unknown> =>
    run(programPath('promtool'), args, { cwd: ROOT })

  it('are accepted by promtool, as is the example that names them', async () => {
    await promtool('check', 'config', 'server/deploy/prometheus.yml')
  })

  it('tell what a person has to see to, once, after the time that it may take', async () => {
    const files = ['prometheus-rules.yml', 'prometheus-rules-hours.yml']
    await promtool('test', 'rules', ...files.map((file) => `test/multi-node/${file}`))
  })

  it('lead to headings of the runbook, as the dashboard does, each with a summary, a description and a severity', () => {
    const sections = new Map(
      read('server/docs/operations.md')
        .split(/^## /m)
        .map((section) => [anchorOf(section.slice(0, section.indexOf('\n'))), section]),
    )
    const rules = read('server/deploy/prometheus-rules.yml')
    const alerts = rules.split('- alert: ').slice(1)
    expect(alerts.length).to.be.above(20)
    for (const alert of alerts) {
      expect(alert).to.match(/severity: (critical|warning) /)
      expect(alert).to.match(/summary: \S.*\n +description: \S/)
      const [, anchor = ''] =
        /runbook_url: '\{\{ \$externalLabels.gateway \}\}\/docs\/operations\.html#([\w-]+)'/.exec(alert) ?? []
      const name = alert.slice(0, alert.indexOf('\n'))
      expect(sections.get(anchor), name).to.include(`\`${name}\``)
    }
    const linked = read('server/deploy/grafana-dashboard.json').matchAll(/operations\.html#([\w-]+)/g)
    for (const [, anchor = ''] of linked) expect([...sections.keys()]).to.include(anchor)
  })
})

describe('Prometheus, with three processes', () => {
  let system: ObservedSystem
  let prometheus: Prometheus
  before(async () => {
    system = await startObservedSystem()
    const { receiver, node, all } = system
    prometheus = await startPrometheus({
      targets: [receiver.url, node.url, all.url],
      rules: faster(read('server/deploy/prometheus-rules.yml')),
      intervalMs: INTERVAL_MS,
    })
  })
  after(async () => {
    await prometheus.stop()
    await system.stop()
  })

  const firing = async (): Promise<Alert[]> =>
    (await prometheus.alerts()).filter(({ state }) => state === 'firing')

  it('finds the runbook to which alerts lead at every process, whatever its role', async () => {
    for (const { url } of [system.receiver, system.node, system.all]) {
      const response = await fetch(`${url}/docs/operations.html`)
      expect(response.status, url).to.equal(200)
      expect(response.headers.get('content-security-policy'), url).to.include("default-src 'none'")
      expect(await response.text(), url).to.include('id="redis-is-down"')
    }
    expect((await fetch(`${system.receiver.url}/`)).status).to.equal(404)
  })

  it('has data for every query of the dashboard once everything has happened', async () => {
    let empty = queries
    await waitUntil('every query returns data', async () => {
      await system.exercise()
      const results = await Promise.all(empty.map(({ expression }) => prometheus.query(expression)))
      empty = empty.filter((_, i) => !results[i]?.some(({ value }) => !Number.isNaN(value)))
      return empty.length === 0
    }).catch((error: unknown) => {
      expect(empty.map(({ name }) => name)).to.deep.equal([])
      throw error
    })
    const processes = await prometheus.query('count by (role) (recall_gateway_build_info)')
    expect(processes.map(({ labels }) => labels['role'])).to.have.members(['receiver', 'node', 'all'])
  })

  it('tells of a Redis that is killed, once, of nothing that follows from it, and of its end', async () => {
    await system.recall()
    await waitUntil('all is well', async () => (await prometheus.alerts()).length === 0)
    await system.killRedis()
    await system.recall()
    const isOfRedis = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
      labels['alertname'] === 'RecallGatewayRedisDown'
    const alert = await waitUntil('the alert', async () => (await firing()).find(isOfRedis))
    expect(alert.labels).to.deep.equal({
      alertname: 'RecallGatewayRedisDown',
      job: JOB,
      severity: 'critical',
    })
    expect(alert.annotations['runbook_url']).to.equal(
      'http://gateway.test/docs/operations.html#redis-is-down',
    )
    await waitUntil(
      'what follows would have been told',
      () => Date.now() - Date.parse(alert.activeAt) > LONGEST_SUPPRESSED_MS + 4 * INTERVAL_MS,
    )
    await system.restartRedis()
    await waitUntil('nothing is told any more', async () => (await prometheus.alerts()).length === 0)
    const told = await prometheus.query(
      'sum by (alertname) (last_over_time(ALERTS{alertstate="firing"}[5m]))',
    )
    expect(told).to.deep.equal([{ labels: { alertname: 'RecallGatewayRedisDown' }, value: 1 }])
  })

  it('wakes somebody when every process is killed, though nobody is left to tell', async () => {
    for (const gateway of [system.receiver, system.node, system.all]) gateway.signal('SIGKILL')
    const critical = await waitUntil('the alert', async () => {
      const alerts = await firing()
      return alerts.some(({ labels }) => labels['severity'] === 'critical') && alerts
    })
    const names = critical.map(({ labels }) => labels['alertname'])
    expect(names).to.include('RecallGatewayAllDown').and.not.include('RecallGatewayRedisDown')
  })
})
