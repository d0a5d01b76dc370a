import { expect } from 'chai'
import { pino } from 'pino'
import { Outage } from '../../server/broker/redis/connection/outage.ts'

const failure = (code: string) => ({ code, reason: 'because', setting: 'REDIS_URL', words: code })

function setUp() {
  let nowMs = 0
  const lines: string[] = []
  const write = (line: string): void => {
    const { msg, code } = JSON.parse(line) as { readonly msg: string; readonly code?: string }
    lines.push(code === undefined ? msg : `${msg} ${code}`)
  }
  const outage = new Outage({ failed: 'fails', restored: 'works' }, pino({}, { write }), () => nowMs)
  return { outage, lines, advance: (ms: number) => (nowMs += ms) }
}

describe('outage', () => {
  it('logs each cause at once, then once a minute while it lasts, and the end', () => {
    const { outage, lines, advance } = setUp()
    for (let second = 0; second < 125; second++) {
      outage.failed(failure(second % 2 === 0 ? 'A' : 'B'))
      advance(1_000)
    }
    outage.ended()
    expect(lines).to.deep.equal([...['A', 'B', 'A', 'B', 'A', 'B'].map((code) => `fails ${code}`), 'works'])
    expect(outage.failure).to.equal(undefined)
  })

  it('says nothing of an end that had no beginning in the log', () => {
    const { outage, lines } = setUp()
    outage.failed(failure('A'), { silently: true })
    expect(outage.failure).to.include({ code: 'A' })
    outage.ended()
    expect(lines).to.deep.equal([])
  })
})
