import { expect } from 'chai'
import { describeStatus } from '../../server/cli/status-table.ts'
import type { GoneProcess } from '../../shared/http-api.ts'

const HOUR_MS = 3_600_000

describe('the status for people', () => {
  it('says where processes ran that are gone, and what may be on their disks', () => {
    const gone = (id: string, more: Partial<GoneProcess>): GoneProcess => ({
      id: `${id}-0000-0000`,
      role: 'receiver',
      startedAtMs: 0,
      lastReportAtMs: HOUR_MS,
      stopped: false,
      spooledRecalls: 0,
      ...more,
    })
    const lines = describeStatus(
      {
        ok: true,
        testRecalls: false,
        self: 'a',
        complete: true,
        problems: [],
        nodes: [],
        gone: [
          gone('aaaaaaaa', { host: 'machine-1', spooledRecalls: 7 }),
          gone('bbbbbbbb', { host: 'machine\u202E' }),
          gone('cccccccc', { role: 'node' }),
          gone('dddddddd', { stopped: true }),
        ],
      },
      3 * HOUR_MS,
    )
    expect(lines.slice(-5)).to.deep.equal([
      'GONE      HOST             ROLE      SINCE             RECALLS ON ITS DISK',
      'aaaaaaaa  machine-1        receiver  vanished 2 h ago  7',
      'bbbbbbbb  machine\\u{202E}  receiver  vanished 2 h ago  unknown',
      'cccccccc  -                node      vanished 2 h ago  0',
      'dddddddd  -                receiver  stopped 2 h ago   0',
    ])
  })
})
