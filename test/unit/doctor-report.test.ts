import { expect } from 'chai'
import { describeFindings, exitCodeOf } from '../../server/cli/doctor-report.ts'
import type { Severity } from '../../shared/http-api/doctor.ts'

const SILENT = [{ process: '0123456789', host: 'a\u202Eb', why: 'it has not reported for 12 s' }]

const finding = (severity: Severity, process = 'this command') => ({
  id: 'clock',
  severity,
  title: 'Clock',
  found: 'the clock',
  document: 'server/docs/redis.md',
  process,
})

describe('what doctor prints', () => {
  it('calls nothing right that did not answer', () => {
    expect(exitCodeOf([finding('ok'), finding('info')], [])).to.equal(0)
    expect(exitCodeOf([finding('ok')], SILENT)).to.equal(1)
    expect(exitCodeOf([finding('warning')], [])).to.equal(1)
    expect(exitCodeOf([finding('critical')], SILENT)).to.equal(2)
    expect(describeFindings([finding('ok')], [], { all: false })).to.deep.equal([
      'Right: clock',
      'Nothing to mend.',
    ])
    expect(describeFindings([finding('ok')], SILENT, { all: false })).to.deep.equal([
      'WARNING  Process 01234567 (a\\u{202E}b) did not answer: it has not reported for 12 s',
      'Right: clock',
      'Nothing to mend, of the processes that answered.',
    ])
  })

  it('tells once what several processes find', () => {
    const lines = describeFindings([finding('warning', 'aaaaaaaaaa'), finding('warning', 'bbbbbbbbbb')], [], {
      all: false,
    })
    expect(lines[0]).to.equal('WARNING  Clock (clock), process aaaaaaaa, bbbbbbbb')
    expect(lines.at(-1)).to.equal('0 critical, 1 warning.')
  })
})
