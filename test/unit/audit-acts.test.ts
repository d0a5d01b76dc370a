import type { Request, Response } from 'express'
import { expect } from 'chai'
import { createAudit } from '../../server/api/audit.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Logger } from '../../server/telemetry/logger.ts'
import { waitUntil } from '../support/wait.ts'

const request = {} as Request
const response = { locals: { principal: { id: 'admin-1', role: 'admin' } } } as unknown as Response

/** A store that is unavailable while `isAway`. */
function setUp(runMs = 60_000) {
  const stored: Record<string, unknown>[] = []
  const lines: { level: string; sentence: string }[] = []
  const state = { isAway: false }
  const line = (level: string) => (_fields: object, sentence: string) => lines.push({ level, sentence })
  const audit = createAudit({
    broker: {
      async record(_name, text) {
        if (state.isAway) throw new GatewayError('BROKER_UNAVAILABLE')
        stored.push(JSON.parse(text) as Record<string, unknown>)
      },
    },
    addressOf: () => '203.0.113.9',
    log: { info: line('info'), error: line('error') } as unknown as Logger,
    retryMs: 5,
    runMs,
  })
  const note = (userId: string) =>
    audit.note(request, response, { action: 'disconnect', details: { userId } })
  const users = () => stored.map(({ details }) => (details as { userId: string }).userId)
  return { audit, stored, lines, state, note, users }
}

describe('what admins do', () => {
  it('is recorded with who, from where, what, and how it ended, before it is answered', async () => {
    const { audit, stored, lines } = setUp()
    const act = { action: 'disconnect', details: { userId: 'u', group: undefined } } as const
    const value = await audit.during(
      request,
      response,
      act,
      async () => 7,
      (n) => ({ n }),
    )
    expect(value).to.equal(7)
    expect(stored).to.have.length(1)
    expect(stored[0]).to.deep.include({
      admin: 'admin-1',
      address: '203.0.113.9',
      action: 'disconnect',
      details: { userId: 'u', n: 7 },
      result: 'done',
    })
    expect(lines).to.deep.equal([
      { level: 'info', sentence: 'act of an admin begins' },
      { level: 'info', sentence: 'act of an admin' },
    ])
    const failing = audit.during(request, response, act, async () => {
      throw new GatewayError('PROCESS_UNREACHABLE')
    })
    expect(await failing.catch(({ code }: GatewayError) => code)).to.equal('PROCESS_UNREACHABLE')
    expect(stored[1]).to.deep.include({ result: 'failed', code: 'PROCESS_UNREACHABLE' })
  })

  it('waits for a store that is away, in order, and stands in the log meanwhile', async () => {
    const { lines, state, note, users } = setUp()
    state.isAway = true
    for (const user of ['a', 'b']) await note(user)
    expect(users()).to.deep.equal([])
    expect(lines.filter(({ level }) => level === 'error').map(({ sentence }) => sentence)).to.deep.equal([
      'act of an admin not recorded yet, retrying',
      'act of an admin not recorded yet, retrying',
    ])
    state.isAway = false
    await waitUntil('it is recorded', () => users().length === 2)
    expect(users()).to.deep.equal(['a', 'b'])
    await note('c')
    expect(users()).to.deep.equal(['a', 'b', 'c'])
  })

  it('is tried once more when the process stops, and named as lost to the store if that fails', async () => {
    const { audit, lines, state, note, users } = setUp()
    state.isAway = true
    await note('a')
    await audit.stop()
    expect(lines.at(-1)?.sentence).to.equal('acts of admins are in this log alone')
    state.isAway = false
    await audit.stop()
    expect(users()).to.deep.equal(['a'])
  })

  it('is recorded together with others of a run on entries of the quarantine, which push out nothing else', async () => {
    const { audit, stored, lines } = setUp(20)
    const drop = (entry: string, result: 'done' | 'failed' = 'done') =>
      audit.note(request, response, { action: 'quarantine drop', details: { entry } }, { result })
    for (let i = 0; i < 1_000; i++) await drop(`q${i}`)
    await drop('nope', 'failed')
    const details = () => stored.map((entry) => entry['details'])
    expect(details()).to.deep.equal([{ entry: 'q0' }, { entry: 'nope' }])
    expect(lines.filter(({ sentence }) => sentence === 'act of an admin')).to.have.length(1_001)
    await waitUntil('the run is over', () => stored.length === 3)
    expect(details()[2]).to.deep.equal({ entries: 999, first: 'q1', last: 'q999' })
    await drop('q1000')
    await drop('q1001')
    expect(details()[3]).to.deep.equal({ entry: 'q1000' })
    await audit.stop()
    expect(details().slice(4)).to.deep.equal([{ entry: 'q1001' }])
  })

  it('waits in bounded memory, and fits into a record whatever was asked', async () => {
    const { audit, stored, lines, state, note } = setUp()
    state.isAway = true
    for (let i = 0; i < 1_001; i++) await note(`${i}`)
    expect(lines.at(-1)?.sentence).to.equal('act of an admin not recorded')
    state.isAway = false
    await audit.stop()
    expect(stored).to.have.length(1_000)
    const details = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, '群'.repeat(1_000)]))
    await audit.note(request, response, { action: 'export', details })
    expect(Buffer.byteLength(JSON.stringify(stored.at(-1)))).to.be.lessThan(4_096)
    expect(JSON.stringify(stored.at(-1))).to.include('…')
  })
})
