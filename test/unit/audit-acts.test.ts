import type { Request, Response } from 'express'
import { expect } from 'chai'
import { createAudit } from '../../server/api/audit.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Logger } from '../../server/telemetry/logger.ts'
import { waitUntil } from '../support/wait.ts'

const request = {} as Request
const response = { locals: { principal: { id: 'admin-1', role: 'admin' } } } as unknown as Response

/** A store that is unavailable while `isAway`. */
function setUp({ windowMs = 60_000, nowMs = (): number => 0 } = {}) {
  const stored: Record<string, unknown>[] = []
  const lines: { level: string; sentence: string }[] = []
  const state = { isAway: false, address: '203.0.113.9' }
  const line = (level: string) => (_fields: object, sentence: string) => lines.push({ level, sentence })
  const audit = createAudit({
    broker: {
      async record(_name, text) {
        if (state.isAway) throw new GatewayError('BROKER_UNAVAILABLE')
        stored.push(JSON.parse(text) as Record<string, unknown>)
      },
    },
    addressOf: () => state.address,
    log: { info: line('info'), error: line('error') } as unknown as Logger,
    retryMs: 5,
    windowMs,
    nowMs,
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

  it('is recorded together with others if an admin does very many, which push out nothing else', async () => {
    const time = { ms: 0 }
    const { audit, stored, lines, note } = setUp({ windowMs: 20, nowMs: () => time.ms })
    const drop = (entry: string) =>
      audit.note(request, response, { action: 'quarantine drop', details: { entry } })
    for (let i = 0; i < 100; i++) await note(`u${i}`)
    expect(stored).to.have.length(100)
    for (let i = 0; i < 2_000; i++) await drop(`q${i}`)
    await note('bob')
    expect(lines.filter(({ sentence }) => sentence === 'act of an admin')).to.have.length(2_101)
    await waitUntil(
      'the rest is recorded',
      () => stored.at(-1)?.['action'] === 'disconnect' && stored.length > 100,
    )
    const together = stored.slice(100, -1).map(({ details }) => details as { acts: number; each: object[] })
    expect(together).to.have.length(11)
    expect(together.flatMap(({ each }) => each).slice(0, 200)).to.deep.equal(
      Array.from({ length: 200 }, (_, i) => ({ entry: `q${i}` })),
    )
    expect(together.reduce((sum, { acts }) => sum + acts, 0)).to.equal(2_000)
    expect(stored.at(-1)).to.deep.include({ admin: 'admin-1', details: { userId: 'bob' } })
    for (const entry of stored) expect(Buffer.byteLength(JSON.stringify(entry))).to.be.lessThan(4_096)
    // Later, some have records of their own again.
    time.ms = 120_000
    for (const user of ['x', 'y', 'z']) await note(user)
    expect(stored.slice(111 + 1).map(({ details }) => details)).to.deep.equal([
      { userId: 'x' },
      { userId: 'y' },
    ])
    await audit.stop()
    expect(stored.at(-1)).to.deep.include({ details: { userId: 'z' } })
  })

  it('is recorded with others that ended in the same way, each from where it came', async () => {
    const { audit, stored, note, state } = setUp()
    for (let i = 0; i < 100; i++) await note(`u${i}`)
    await note('a')
    state.address = '203.0.113.10'
    await note('b')
    const failed = { result: 'failed', code: 'BROKER_UNAVAILABLE' } as const
    for (const userId of ['c', 'd'])
      await audit.note(request, response, { action: 'disconnect', details: { userId } }, failed)
    await audit.stop()
    const ends = stored.slice(100)
    expect(ends).to.have.length(2)
    expect(ends[0]).to.deep.include({
      address: '203.0.113.9',
      details: { acts: 2, each: [{ userId: 'a' }, { userId: 'b', address: '203.0.113.10' }] },
      result: 'done',
    })
    expect(ends[1]).to.deep.include({
      address: '203.0.113.10',
      details: { acts: 2, each: [{ userId: 'c' }, { userId: 'd' }] },
      ...failed,
    })
  })

  it('waits in bounded memory, and fits into a record whatever was asked', async () => {
    let ms = 0
    // Each has a record of its own.
    const { audit, stored, lines, state, note } = setUp({ nowMs: () => (ms += 60_000) })
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
