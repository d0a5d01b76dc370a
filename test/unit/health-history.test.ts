import { expect } from 'chai'
import { HealthHistory } from '../../server/telemetry/health-history.ts'
import { decodeHistory, encodeHistory } from '../../server/telemetry/history-record.ts'
import type { HealthSample } from '../../shared/http-api/health-history.ts'
import type { HeartbeatState } from '../../server/telemetry/heartbeat-state.ts'
import { IDLE_RECEIVER } from '../support/heartbeat.ts'

const STATE: HeartbeatState = { ...IDLE_RECEIVER, role: 'node' }
const PROCESS = { id: '4c0e6e57-7d0d-4f6c-8f3f-4a1f5d0b3c11', host: 'host-1', role: 'node' as const }

const sampleAt = (atMs: number): HealthSample => ({
  atMs,
  recallsPerSecond: 1.5,
  deliveriesPerSecond: null,
  p50Ms: 2,
  p99Ms: 3.25,
  sockets: 4,
  spooled: 0,
  probeAgeMs: 6,
  busy: 0.5,
  memoryMb: 120,
})

/** Begins the history of a process, in a store of its own. */
function begin(
  gaps: () => number = () => 0,
  broker?: ConstructorParameters<typeof HealthHistory>[0]['broker'],
) {
  const stored: string[] = []
  const history = new HealthHistory({
    process: PROCESS,
    broker: broker ?? {
      record: async (_name, text) => void stored.push(text),
      records: async () => ({
        records: stored.map((text, i) => ({ id: String(i), atMs: Date.now(), text })),
      }),
    },
    read: () => STATE,
    gaps,
    load: () => ({ busyMs: 0, memoryMb: 1 }),
  })
  return { history, stored }
}

describe('the history of health', () => {
  it('marks that sockets were sent gaps', async () => {
    let gaps = 0
    const { history, stored } = begin(() => gaps)
    gaps = 3
    await history.stop()
    const { processes } = await history.read()
    expect(processes[0]?.marks.map(({ what }) => what)).to.deep.equal(['start', 'gap', 'stop'])
    const told = stored.flatMap((text) => decodeHistory(text)?.marks.map(({ what }) => what) ?? [])
    expect(told).to.deep.equal(['start', 'gap', 'stop'])
  })

  it('is stored also while the clock of the machine is behind what it was', async () => {
    const { history, stored } = begin()
    const { now } = Date
    try {
      Date.now = () => now() - 600_000
      await history.stop()
    } finally {
      Date.now = now
    }
    expect(stored.flatMap((text) => decodeHistory(text)?.samples ?? [])).to.have.length(2)
  })

  it('has nothing of the future, whatever is stored', async () => {
    const { history, stored } = begin()
    await history.stop()
    const [own] = (await history.read()).processes
    const [sample] = own?.samples ?? []
    if (sample === undefined) throw new Error('no sample')
    const atMs = 9e15
    const id = PROCESS.id.replace('4', '5')
    stored.push(
      encodeHistory({ ...PROCESS, id, samples: [{ ...sample, atMs }], marks: [{ atMs, what: 'stop' }] }),
    )
    expect((await history.read()).processes).to.deep.equal([own])
  })

  it('is read once for all who ask at the same time, with the loop turning in between', async () => {
    const samples = Array.from({ length: 3 }, (_, i) => sampleAt(Date.now() - 1_000 * (i + 1)))
    const text = encodeHistory({ ...PROCESS, samples, marks: [] })
    let reads = 0
    const { history } = begin(() => 0, {
      record: async () => undefined,
      async records() {
        reads++
        return { records: Array.from({ length: 900 }, (_, i) => ({ id: String(i), atMs: 1, text })) }
      },
    })
    let turns = 0
    const count = (): void => void (timer = setImmediate(() => (turns++, count())))
    let timer: NodeJS.Immediate | undefined
    count()
    const answers = await Promise.all(Array.from({ length: 20 }, () => history.read()))
    clearImmediate(timer)
    expect(reads).to.equal(1)
    expect(turns).to.be.at.least(4)
    expect(new Set(answers.map(({ processes }) => processes[0]?.samples.length))).to.deep.equal(new Set([4]))
    await history.read()
    expect(reads).to.equal(2)
    await history.stop()
  })

  it('leaves out records with anything else than samples and marks in them', () => {
    const text = encodeHistory({ ...PROCESS, samples: [sampleAt(5)], marks: [{ atMs: 1, what: 'start' }] })
    const record = JSON.parse(text) as { s: unknown[][]; m: unknown[][] }
    expect(decodeHistory(text)?.samples).to.deep.equal([sampleAt(5)])
    const rows = [[], 'x', null, {}, [...(record.s[0] ?? []), 1], record.s[0]?.with(0, null)]
    const wrongRows = [...rows, record.s[0]?.with(0, '5'), record.s[0]?.with(0, 1e300)]
    for (const row of wrongRows)
      expect(decodeHistory(JSON.stringify({ ...record, s: [row] })), JSON.stringify(row)).to.equal(undefined)
    for (const mark of [[], [1], ['1', 'start'], [1, 'x'.repeat(21)], [1, 2], [1, 'start', 1], null, 'ab'])
      expect(decodeHistory(JSON.stringify({ ...record, m: [mark] })), JSON.stringify(mark)).to.equal(
        undefined,
      )
    const many = Array.from({ length: 65 }, () => record.s[0])
    expect(decodeHistory(JSON.stringify({ ...record, s: many }))).to.equal(undefined)
  })

  it('is read from records of later versions, without marks that are not known', () => {
    const marks = [
      { atMs: 1, what: 'start' as const },
      { atMs: 2, what: 'doubt' as const },
    ]
    const text = encodeHistory({ ...PROCESS, samples: [], marks }).replace('doubt', 'later')
    expect(decodeHistory(text)?.marks).to.deep.equal([{ atMs: 1, what: 'start' }])
  })
})
