import { expect } from 'chai'
import fc from 'fast-check'
import { ApiError } from '../../server/console/state/api.ts'
import type { Api } from '../../server/console/state/api.ts'
import { bodyText } from '../../server/console/state/body-text.ts'
import { folderOf, Quarantine } from '../../server/console/state/quarantine.ts'
import type {
  QuarantinedEntry,
  QuarantinedWhole,
  QuarantineResponse,
} from '../../shared/http-api/quarantine.ts'

const FOLDER = '0b6b4e00-0000-4000-8000-000000000000'
const entry = (n: number, fields: Partial<QuarantinedEntry> = {}): QuarantinedEntry => ({
  id: `${FOLDER}-${n}`,
  kind: 'webhook',
  reason: 'odd',
  receivedAtMs: n,
  quarantinedAtMs: n,
  bytes: 1,
  ...fields,
})

/** A view of an API whose responses the test gives. */
function createView(responses: Readonly<Record<string, (...parameters: never[]) => unknown>>) {
  const calls: unknown[][] = []
  const api = new Proxy(
    { clock: { fromViewer: (ms: number) => ms } },
    {
      get: (target, name) =>
        name === 'clock'
          ? target.clock
          : async (...parameters: never[]) => {
              calls.push([name, ...parameters])
              return responses[String(name)]?.(...parameters)
            },
    },
  )
  return { view: new Quarantine(api as unknown as Api, () => undefined), calls }
}

const listOf = (entries: readonly QuarantinedEntry[], rest: Partial<QuarantineResponse> = {}) => ({
  ok: true,
  entries,
  receivers: [
    { folder: FOLDER, answered: true, entries: entries.length, bytes: 9, matching: entries.length },
  ],
  ...rest,
})
const fail = (code: string) => () => {
  throw new ApiError(code, '')
}

describe('the quarantine in the console', () => {
  it('is grouped by kind and reason, the newest first, page by page', async () => {
    const pages = [
      listOf([entry(9), entry(8, { kind: 'relay' })], { cursor: 'c' }),
      listOf([entry(8, { kind: 'relay' }), entry(7), entry(6, { reason: 'other' })]),
    ]
    const { view, calls } = createView({ quarantine: () => pages.shift() })
    await view.read()
    expect([view.hasMore, view.total]).to.deep.equal([true, 2])
    await view.readMore()
    expect(calls.map(([, query]) => (query as { readonly cursor?: string }).cursor)).to.deep.equal([
      undefined,
      'c',
    ])
    expect(
      view.groups.map(({ kind, reason, entries }) => [kind, reason, entries.map(({ receivedAtMs: n }) => n)]),
    ).to.deep.equal([
      ['webhook', 'odd', [9, 7]],
      ['relay', 'odd', [8]],
      ['webhook', 'other', [6]],
    ])
    expect(view.hasMore).to.equal(false)
    await view.readMore()
    expect(calls).to.have.lengthOf(2)
    expect(folderOf(view.entries[0]?.id ?? '')).to.equal(FOLDER)
  })

  it('says who did not answer, and keeps what it has read when it cannot read more', async () => {
    const unanswered = { folder: 'f', answered: false, why: 'timed out' } as const
    const responses: (() => unknown)[] = [
      () => listOf([entry(1)], { receivers: [unanswered] }),
      fail('BROKER_UNAVAILABLE'),
    ]
    const { view } = createView({ quarantine: () => responses.shift()?.() })
    await view.read()
    expect(view.unanswered).to.deep.equal([unanswered])
    await view.read()
    expect([view.failure?.code, view.entries.length]).to.deep.equal(['BROKER_UNAVAILABLE', 1])
  })

  it('gives up an entry only when it is accepted, and otherwise says why it stays', async () => {
    const responses: (() => unknown)[] = [
      () => ({ ok: true, accepted: false, reason: 'still odd' }),
      fail('PROCESS_UNREACHABLE'),
      () => ({ ok: true, accepted: true }),
      fail('NOT_IN_QUARANTINE'),
    ]
    const { view } = createView({
      quarantine: () => listOf([entry(1), entry(2)]),
      retryQuarantined: () => responses.shift()?.(),
    })
    await view.read()
    const [one = entry(0), two = entry(0)] = view.entries
    await view.retry(one.id)
    expect(view.outcome).to.deep.equal({ kind: 'refused', reason: 'still odd' })
    expect(view.entries.map(({ reason }) => reason)).to.deep.equal(['still odd', 'odd'])
    await view.retry(one.id)
    expect(view.outcome?.kind).to.equal('failed')
    expect([view.entries.length, view.total]).to.deep.equal([2, 2])
    await view.retry(one.id)
    expect(view.outcome).to.deep.equal({ kind: 'accepted' })
    expect([view.entries.length, view.total]).to.deep.equal([1, 1])
    await view.retry(two.id)
    expect(view.outcome).to.deep.equal({ kind: 'missing' })
    expect(view.entries).to.deep.equal([])
  })

  it('retries all with a reason in as many requests as it takes, until it is stopped, and reads anew', async () => {
    const unanswered = { folder: 'f', answered: false, why: 'timed out' } as const
    const responses = [
      { accepted: 3, refused: 1, cursor: 'x', unanswered: [unanswered] },
      { accepted: 2, refused: 0, unanswered: [unanswered] },
    ]
    const { view, calls } = createView({
      quarantine: () => listOf([]),
      retryQuarantine: () => responses.shift() ?? { accepted: 1, refused: 0, cursor: 'y', unanswered: [] },
    })
    await view.retryAll(entry(1))
    const retried = { kind: 'retried', accepted: 5, refused: 1, unanswered: [unanswered], isPartial: false }
    expect(view.outcome).to.deep.equal(retried)
    expect(calls).to.deep.equal([
      ['retryQuarantine', { kind: 'webhook', reason: 'odd' }],
      ['retryQuarantine', { kind: 'webhook', reason: 'odd', cursor: 'x' }],
      ['quarantine', { limit: 100 }],
    ])
    const endless = view.retryAll(entry(1))
    view.stop()
    await endless
    expect(view.outcome).to.deep.include({ accepted: 1, isPartial: true })
    expect(view.progress).to.equal(undefined)
  })

  it('says how far it came if retrying all fails, and does one thing at a time', async () => {
    let calls = 0
    const { view } = createView({
      quarantine: () => listOf([entry(1)]),
      retryQuarantine: () =>
        ++calls === 1 ? { accepted: 4, refused: 0, cursor: 'x', unanswered: [] } : fail('NO_ANSWER')(),
      dropQuarantined: () => ({ ok: true, dropped: 1 }),
    })
    await view.read()
    const retrying = view.retryAll(entry(1))
    await view.drop(entry(1).id)
    expect(view.entries).to.have.lengthOf(1)
    await retrying
    expect(view.outcome).to.deep.include({ kind: 'retried', accepted: 4, isPartial: true })
    await view.drop(entry(1).id)
    expect([view.outcome?.kind, view.entries.length]).to.deep.equal(['dropped', 0])
  })

  it('shows the entry that was opened last, whichever response arrives last', async () => {
    const answers = new Map<string, (response: unknown) => void>()
    const { view } = createView({
      quarantined: (id: string) => new Promise((resolve) => answers.set(id, resolve)),
    })
    const opened = [1, 2].map((n) => view.open(entry(n).id))
    for (const n of [2, 1]) {
      answers.get(entry(n).id)?.({ ok: true, entry: entry(n) })
      await opened[n - 1]
    }
    expect(view.whole?.id).to.equal(entry(2).id)
  })
})

describe('the body of an entry', () => {
  const show = (fields: Partial<QuarantinedWhole>, asReceived = false) =>
    bodyText({ ...entry(1), query: '', ...fields }, asReceived)

  it('is indented if it is JSON, without a change to what it says', () => {
    expect(show({ body: '{"a":1e400,"a":[1.0,{}],"b":"x,{\\"y\\":[" }' })).to.deep.equal({
      form: 'json',
      text: '{\n  "a": 1e400,\n  "a": [\n    1.0,\n    {}\n  ],\n  "b": "x,{\\"y\\":["\n}',
      omitted: 0,
      isEscaped: false,
    })
    fc.assert(
      fc.property(fc.json(), (body) => {
        const { form, text } = show({ body })
        expect(form).to.equal('json')
        expect(JSON.parse(text)).to.deep.equal(JSON.parse(body))
      }),
    )
  })

  it('is shown as it is if it is no JSON, and hides no character', () => {
    expect(show({ body: '{"a":' })).to.include({ form: 'text', text: '{"a":' })
    expect(show({ body: '\uFEFF{}\u202E\0' })).to.include({
      form: 'text',
      text: '\\ufeff{}\\u202e\\u0000',
      isEscaped: true,
    })
    expect(show({ body: '[ 1 ]' }, true)).to.include({ form: 'text', text: '[ 1 ]' })
    expect(show({ body: '' }).form).to.equal('none')
  })

  it('is shown in part if it is long, or deep, and in hexadecimal if it is no UTF-8', () => {
    const long = show({ body: JSON.stringify('ü'.repeat(300_000)), bytes: 600_002 })
    expect([long.form, long.text.length, long.omitted]).to.deep.equal(['text', 100_000, 400_003])
    const deep = show({ body: '['.repeat(5_000) + ']'.repeat(5_000) })
    expect(deep.form).to.equal('json')
    expect(deep.text.length).to.be.below(1_000_000)
    const bytes = Buffer.from(Array.from({ length: 3_000 }, (_, i) => i % 256))
    const dump = show({ bodyBase64: bytes.toString('base64'), bytes: 9_000 })
    expect([dump.form, dump.omitted]).to.deep.equal(['hex', 6_952])
    expect(dump.text.split('\n')[4]).to.equal(
      '0040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO',
    )
    expect(show({ bodyBase64: '!' }).text).to.equal('')
  })
})
