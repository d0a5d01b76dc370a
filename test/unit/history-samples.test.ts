import { expect } from 'chai'
import { marksOf, samplesOf, withHistory, withSample } from '../../server/console/state/history-samples.ts'
import { decodeHistory, encodeHistory } from '../../server/telemetry/history-record.ts'
import type { HealthSample, ProcessHistory } from '../../shared/http-api/health-history.ts'

const START_MS = 1_700_000_000_000
const sample = (atS: number, rate: number | null, p99Ms: number | null = null): HealthSample => ({
  atMs: START_MS + atS * 1_000,
  recallsPerSecond: rate,
  deliveriesPerSecond: rate,
  p50Ms: null,
  p99Ms,
  sockets: 1,
  spooled: 0,
  probeAgeMs: 5,
  busy: 0.25,
  memoryMb: 80,
})
const history = (id: string, samples: readonly HealthSample[]): ProcessHistory => ({
  id: id.repeat(36),
  host: `host-${id}`,
  role: 'node',
  samples,
  marks: [{ atMs: START_MS, what: 'start' }],
})

describe('the history of health', () => {
  it('is stored in records that the same version reads, and nothing else', () => {
    const whole = history('a', [sample(0, null), sample(10, 2.5, 7)])
    expect(decodeHistory(encodeHistory(whole))).to.deep.equal(whole)
    const record = JSON.parse(encodeHistory(whole)) as object
    for (const wrong of [
      { id: 'x' },
      { role: 'other' },
      { s: [[1]] },
      { m: [[1, 2]] },
      { host: 'h'.repeat(65) },
    ])
      expect(decodeHistory(JSON.stringify({ ...record, ...wrong })), JSON.stringify(wrong)).to.equal(
        undefined,
      )
    for (const text of ['', '[]', 'null', '{"v":9}']) expect(decodeHistory(text)).to.equal(undefined)
    // What a later version adds.
    expect(decodeHistory(JSON.stringify({ ...record, more: 1 }))).to.deep.equal(whole)
  })

  it('adds up what all processes did, leaves holes where none tells, and is by the viewer’s clock', () => {
    const shown = samplesOf(
      [history('a', [sample(0, 1, 5), sample(30, 2)]), history('b', [sample(1, 3, 9)])],
      500,
    )
    expect(shown.map(({ rate }) => rate?.recallsPerSecond)).to.deep.equal([4, undefined, undefined, 2])
    expect(shown.map(({ p99Ms }) => p99Ms)).to.deep.equal([9, undefined, undefined, undefined])
    expect(shown.map(({ sockets }) => sockets)).to.deep.equal([2, undefined, undefined, 1])
    expect(shown[0]).to.include({ spooled: 0, probeAgeMs: 5, busy: 0.25 })
    expect(shown[0]?.atMs).to.equal(START_MS + 10_500)
    expect(samplesOf([], 0)).to.deep.equal([])
    // Timers that fire a bit early or late.
    const jittered = [
      history(
        'a',
        [0, 9.999, 20.001].map((atS) => sample(atS, 1)),
      ),
      history('b', [sample(10, 1)]),
    ]
    expect(samplesOf(jittered, 0).map(({ sockets }) => sockets)).to.deep.equal([1, 2, 1])
    // A clock that is a year ahead.
    expect(samplesOf([history('a', [sample(0, 1), sample(31_536_000, 1)])], 0)).to.have.length.at.most(361)
    expect(marksOf([history('a', []), history('b', [])])[0]).to.include({ what: 'start', host: 'host-a' })
  })

  it('comes before what the page has seen itself, of which old samples are thinned, and none is older than an hour', () => {
    const own = (atS: number) => ({
      atMs: START_MS + atS * 1_000,
      rate: { recallsPerSecond: 0, deliveriesPerSecond: 0 },
      p50Ms: undefined,
      p99Ms: undefined,
      sockets: 1,
      spooled: 0,
      probeAgeMs: 5,
    })
    expect(
      withHistory([own(0), own(10), own(20)], [own(15), own(17)]).map(({ atMs }) => atMs - START_MS),
    ).to.deep.equal([0, 10_000, 15_000, 17_000])
    const first = { ...own(15), rate: undefined }
    const withoutHole = withHistory([own(0)], [first, own(17)])
    expect(withoutHole.map(({ atMs }) => atMs - START_MS)).to.deep.equal([0, 17_000])
    expect(withHistory([], [first])).to.deep.equal([first])
    let samples: ReturnType<typeof withSample> = []
    for (let atS = 0; atS <= 7_200; atS += 2) samples = withSample(samples, own(atS))
    expect(samples.length).to.be.within(450, 520)
    expect(samples[0]?.atMs).to.be.above(START_MS + 3_600_000)
    expect(samples.at(-1)?.atMs).to.equal(START_MS + 7_200_000)
  })
})
