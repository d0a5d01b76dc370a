import { expect } from 'chai'
import {
  decodeHeartbeat,
  encodeHeartbeat,
  MAX_HEARTBEAT_BYTES,
} from '../../server/telemetry/heartbeat-state.ts'
import type { HeartbeatState } from '../../server/telemetry/heartbeat-state.ts'
import { sortProcesses } from '../../server/telemetry/processes.ts'
import { WebhookWindow } from '../../server/telemetry/webhook-window.ts'
import { IDLE_RECEIVER } from '../support/heartbeat.ts'
import { createManualClock } from '../support/manual-clock.ts'

const STATE: HeartbeatState = { ...IDLE_RECEIVER, powerCut: 'seconds' }
const NOW_MS = 1_700_000_000_000

const heartbeat = (id: string, ageMs: number, state: Partial<HeartbeatState> = {}) => ({
  id,
  ageMs,
  text: encodeHeartbeat({ ...STATE, ...state }),
})

/** The ids of those that are alive, and of those that are gone. */
function idsOf(...heartbeats: ReturnType<typeof heartbeat>[]) {
  const { alive, gone } = sortProcesses(heartbeats, NOW_MS)
  return { alive: alive.map(({ id }) => id), gone: gone.map(({ id }) => id) }
}

describe('processes', () => {
  it('are alive for five seconds after a heartbeat, and listed as gone for ten minutes', () => {
    const ages = { a: 0, b: 5_000, c: 5_001, d: 600_000, e: 600_001 }
    const heartbeats = Object.entries(ages).map(([id, ageMs]) => heartbeat(id, ageMs))
    expect(idsOf(...heartbeats)).to.deep.equal({ alive: ['a', 'b'], gone: ['c', 'd'] })
    const { gone } = sortProcesses(heartbeats, NOW_MS)
    expect(gone[0]).to.include({ id: 'c', reportedAtMs: NOW_MS - 5_001, role: 'receiver' })
  })

  it('are known by their ids alone if their reports cannot be read, as long as they are alive', () => {
    const heartbeats = [
      heartbeat('a', 10),
      { id: 'unsigned', ageMs: 5_000, text: undefined },
      { id: 'later', ageMs: 10, text: '{"v":"9.0"}' },
      { id: 'silent', ageMs: 5_001, text: undefined },
    ]
    const { alive, gone, unread } = sortProcesses(heartbeats, NOW_MS)
    expect(alive.map(({ id }) => id)).to.deep.equal(['a'])
    expect({ gone, unread }).to.deep.equal({ gone: [], unread: ['unsigned', 'later'] })
  })

  it('are gone at once when they say goodbye', () => {
    expect(idsOf(heartbeat('a', 10, { stopping: true }), heartbeat('b', 10))).to.deep.equal({
      alive: ['b'],
      gone: ['a'],
    })
  })

  it('take the place of the one whose data folder they have taken over', () => {
    const dataFolder = 'folder'
    const restarted = heartbeat('new', 100, { dataFolder })
    expect(idsOf(heartbeat('killed', 60_000, { dataFolder }), restarted)).to.deep.equal({
      alive: ['new'],
      gone: [],
    })
    // Within the five seconds in which the killed one still counts as alive.
    expect(idsOf(restarted, heartbeat('killed', 3_000, { dataFolder })).alive).to.deep.equal(['new'])
    expect(idsOf(restarted, heartbeat('stopped', 300, { dataFolder, stopping: true })).gone).to.deep.equal([])
    // Two at a time on one folder stay visible, and so do all without a folder.
    expect(idsOf(restarted, heartbeat('other', 900, { dataFolder })).alive).to.deep.equal(['new', 'other'])
    expect(idsOf(heartbeat('a', 0), heartbeat('b', 60_000)).gone).to.deep.equal(['b'])
  })

  it('are read from heartbeats of earlier and later versions', () => {
    const later = {
      ...STATE,
      spare: 1,
      webhooks: { shape: 'new' },
      delivery: 'fine',
      draining: 'soon',
      host: 'h'.repeat(65),
    }
    expect(decodeHeartbeat(JSON.stringify(later))).to.deep.equal(STATE)
    const { reasons: _reasons, warnings: _warnings, ...earlier } = STATE
    expect(decodeHeartbeat(JSON.stringify(earlier))).to.deep.equal(STATE)
    for (const text of ['', '{', 'null', '[]', JSON.stringify({ ...STATE, role: 'other' })])
      expect(decodeHeartbeat(text), text).to.equal(undefined)
  })

  it('send at most 4 KiB, whatever is wrong', () => {
    const sentences = Array.from({ length: 10 }, () => '群'.repeat(500))
    const codes = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`CODE_OF_TWENTY_${i}`, 1e15]))
    const text = encodeHeartbeat({
      ...STATE,
      host: '群'.repeat(64),
      version: 'v'.repeat(64),
      dataFolder: 'f'.repeat(36),
      reasons: sentences,
      warnings: sentences,
      delivery: { proved: false, doubtMs: 1e9, reason: '\u0001'.repeat(900) },
      webhooks: {
        ok: 1e15,
        refused: codes,
        failed: codes,
        lastOkAgeMs: 1e15,
        refusedInARow: 1e15,
        refusedForMs: 1e15,
        lastFailedAgeMs: null,
      },
    })
    expect(Buffer.byteLength(text)).to.be.at.most(MAX_HEARTBEAT_BYTES)
    expect(decodeHeartbeat(text)).to.deep.include({ role: 'receiver' })
  })
})

describe('webhooks of the last five minutes', () => {
  /** A window, and a function that passes time. */
  function open() {
    const clock = createManualClock()
    return { window: new WebhookWindow(clock.now), clock }
  }

  it('are counted by outcome, and forgotten after five minutes', () => {
    const { window, clock } = open()
    window.add('OK')
    clock.advance(100_000)
    for (const outcome of ['WEBHOOK_FORGED', 'WEBHOOK_FORGED', 'APP_NOT_OURS', 'NOT_KEPT'] as const)
      window.add(outcome)
    clock.advance(1_000)
    expect(window.state()).to.deep.equal({
      ok: 1,
      refused: { WEBHOOK_FORGED: 2, APP_NOT_OURS: 1 },
      failed: { NOT_KEPT: 1 },
      lastOkAgeMs: 101_000,
      refusedInARow: 3,
      refusedForMs: 1_000,
      lastFailedAgeMs: 1_000,
    })
    clock.advance(200_000)
    expect(window.state()).to.deep.include({ ok: 0, lastOkAgeMs: 301_000 })
    clock.advance(100_000)
    expect(window.state()).to.deep.include({
      refused: {},
      failed: {},
      refusedInARow: 3,
      lastFailedAgeMs: null,
    })
    window.add('OK')
    expect(window.state()).to.deep.include({ ok: 1, lastOkAgeMs: 0, refusedInARow: 0, refusedForMs: null })
  })

  it('say nothing of the provider when they were not sent with POST', () => {
    const { window } = open()
    window.add('METHOD_NOT_ALLOWED')
    expect(window.state()).to.deep.include({ refused: { METHOD_NOT_ALLOWED: 1 }, refusedInARow: 0 })
  })

  it('take bounded memory, whatever the codes', () => {
    const { window, clock } = open()
    const codes = [
      'WEBHOOK_FORGED',
      'WEBHOOK_STALE',
      'APP_NOT_OURS',
      'ADDRESS_REFUSED',
      'NOT_FOUND',
      'BODY_TOO_LARGE',
      'BODY_UNREADABLE',
      'WEBHOOK_MALFORMED',
      'METHOD_NOT_ALLOWED',
      'REQUEST_TIMEOUT',
    ] as const
    for (let second = 0; second < 1_000; second++) {
      for (const code of codes.slice(0, second === 999 ? 10 : 8)) window.add(code)
      clock.advance(1_000)
    }
    const { refused } = window.state()
    expect(Object.keys(refused)).to.have.length(9)
    expect(refused).to.include({ OTHER: 2 })
  })
})
