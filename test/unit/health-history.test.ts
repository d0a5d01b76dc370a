import { expect } from 'chai'
import { HealthHistory } from '../../server/telemetry/health-history.ts'
import { decodeHistory, encodeHistory } from '../../server/telemetry/history-record.ts'
import type { HeartbeatState } from '../../server/telemetry/heartbeat-state.ts'
import { IDLE_RECEIVER } from '../support/heartbeat.ts'

const STATE: HeartbeatState = { ...IDLE_RECEIVER, role: 'node' }
const PROCESS = { id: '4c0e6e57-7d0d-4f6c-8f3f-4a1f5d0b3c11', host: 'host-1', role: 'node' as const }

/** Begins the history of a process, in a store of its own. */
function begin(gaps: () => number = () => 0) {
  const stored: string[] = []
  const history = new HealthHistory({
    process: PROCESS,
    broker: {
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

  it('is read from records of later versions, without marks that are not known', () => {
    const marks = [
      { atMs: 1, what: 'start' as const },
      { atMs: 2, what: 'doubt' as const },
    ]
    const text = encodeHistory({ ...PROCESS, samples: [], marks }).replace('doubt', 'later')
    expect(decodeHistory(text)?.marks).to.deep.equal([{ atMs: 1, what: 'start' }])
  })
})
