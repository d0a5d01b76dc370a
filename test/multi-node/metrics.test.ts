import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { postWebhook, signedQuery } from '../support/webhook.ts'
import { startObservedSystem } from '../support/observed-system.ts'
import type { ObservedSystem } from '../support/observed-system.ts'

const DOCUMENT = fileURLToPath(new URL('../../../server/docs/metrics.md', import.meta.url))

/** Returns name, type and labels of a metric as a line. */
const line = (name: string, type: string, labels: Iterable<string>): string =>
  `${name} ${type} ${[...labels].toSorted().join(',')}`

/** Returns the metrics of the table, in order of their names. */
const described = (): string[] =>
  [...readFileSync(DOCUMENT, 'utf8').matchAll(/^\| `(recall_gateway_\w+)` +\| (\w+) +\| (.+?) +\|/gm)]
    .map(([, name = '', type = '', labels = '']) => line(name, type, labels.match(/\w+/g) ?? []))
    .toSorted()

/** Returns the metrics that any of these texts has, with the labels of their series. */
function served(texts: readonly string[]): string[] {
  const types = new Map<string, string>()
  const labels = new Map<string, Set<string>>()
  for (const text of texts) {
    for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (recall_gateway_\w+) (\w+)$/gm))
      types.set(name, type)
    for (const [, series = '', inBraces = ''] of text.matchAll(/^(recall_gateway_\w+)(?:\{(.*)\})? \S+$/gm)) {
      const name = types.has(series) ? series : series.replace(/_(?:bucket|sum|count)$/, '')
      const known = labels.get(name) ?? new Set()
      for (const [, label = ''] of inBraces.matchAll(/(?:^|,)(\w+)="/g)) if (label !== 'le') known.add(label)
      labels.set(name, known)
    }
  }
  return [...types].map(([name, type]) => line(name, type, labels.get(name) ?? [])).toSorted()
}

describe('the metrics of three processes', () => {
  let system: ObservedSystem
  before(async () => {
    system = await startObservedSystem()
    await system.exercise()
  })
  after(() => system.stop())

  it('are those of the table, with their types and labels', async () => {
    const { receiver, node, all } = system
    const texts = await Promise.all(
      [receiver, node, all].map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
    )
    expect(served(texts)).to.deep.equal(described())
  })

  it('name no command that a caller has made up', async () => {
    const { url } = system.receiver
    const query = signedQuery('Made.Up')
    await postWebhook(url, { query, body: { CallbackCommand: 'Made.Up' } })
    await postWebhook(url, { query: { ...query, Sign: 'f'.repeat(64) } })
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).to.not.include('Made.Up')
    expect(text).to.match(/webhooks_total\{outcome="OK",command="other"\} 1$/m)
    expect(text).to.match(/webhooks_total\{outcome="WEBHOOK_FORGED",command="unproved"\} 2$/m)
  })
})
