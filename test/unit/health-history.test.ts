import { expect } from 'chai'
import { HealthHistory } from '../../server/telemetry/health-history.ts'
import { decodeHistory, encodeHistory } from '../../server/telemetry/history-record.ts'
import type { HeartbeatState } from '../../server/telemetry/heartbeat-state.ts'
import { IDLE_RECEIVER } from '../support/heartbeat.ts'

const STATE: HeartbeatState = { ...IDLE_RECEIVER, role: 'node' }
const PROCESS = { id: '4c0e6e57-7d0d-4f6c-8f3f-4a1f5d0b3c11', host: 'host-1', role: 'node' as const }

describe('the history of health', () => {
  it('marks that sockets were sent gaps', async () => {
    let gaps = 0
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
      gaps: () => gaps,
      load: () => ({ busyMs: 0, memoryMb: 1 }),
    })
    gaps = 3
    await history.stop()
    const { processes } = await history.read()
    expect(processes[0]?.marks.map(({ what }) => what)).to.deep.equal(['start', 'gap', 'stop'])
    const told = stored.flatMap((text) => decodeHistory(text)?.marks.map(({ what }) => what) ?? [])
    expect(told).to.deep.equal(['start', 'gap', 'stop'])
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
