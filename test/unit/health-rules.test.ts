import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { ProcessState, WebhookState } from '../../shared/http-api.ts'
import { problems as CHINESE } from '../../server/console/i18n/zh-gateway.ts'
import { PROBLEMS, problemsOf } from '../../server/telemetry/health-rules.ts'
import type { HealthView } from '../../server/telemetry/health-rules.ts'
import { WebhookWindow } from '../../server/telemetry/webhook-window.ts'
import { createManualClock } from '../support/manual-clock.ts'

const NOW_MS = 1_700_000_000_000
const PROCESS: ProcessState = {
  id: 'p',
  role: 'node',
  startedAtMs: NOW_MS - 60_000,
  reportedAtMs: NOW_MS,
  ready: true,
  sockets: 0,
  rooms: 0,
  probeAgeMs: 1,
  delivery: { proved: true },
  reasons: [],
  warnings: [],
  counts: { webhooksOk: 0, webhooksRefused: 0, kept: 0, delivered: 0 },
  latencyMs: { p50: null, p99: null },
}
const node = (state: Partial<ProcessState> = {}): ProcessState => ({ ...PROCESS, id: 'node', ...state })
const receiver = (state: Partial<ProcessState> = {}): ProcessState => {
  const { delivery: _none, ...rest } = PROCESS
  return { ...rest, id: 'receiver', role: 'receiver', ...state }
}

const NONE: HealthView = { alive: [], gone: [], unread: [] }

/** `severity code` of each problem, in order. */
const kinds = (view: Partial<HealthView>): string[] =>
  problemsOf({ ...NONE, ...view }, NOW_MS).map(({ severity, code }) => `${severity} ${code}`)

const messageOf = (view: Partial<HealthView>): string =>
  problemsOf({ ...NONE, ...view }, NOW_MS)[0]?.message ?? ''

describe('the rules of health', () => {
  it('find nothing while all is well', () => {
    expect(kinds({ alive: [node(), receiver()] })).to.deep.equal([])
    expect(kinds({ alive: [node({ role: 'all' })] })).to.deep.equal([])
    expect(
      kinds({ alive: [node(), receiver()], gone: [{ ...receiver(), id: 'old', stopping: true }] }),
    ).to.deep.equal([])
  })

  it('find roles that nobody has, though all that are left are ready', () => {
    expect(kinds({ alive: [node(), node({ id: 'other' })] })).to.deep.equal(['critical NO_RECEIVER'])
    expect(kinds({ alive: [receiver()] })).to.deep.equal(['critical NO_NODE'])
    // Nothing is known of the others then.
    expect(kinds({ alive: [node()], incomplete: 'Redis does not reply' })).to.deep.equal([
      'warning STATUS_INCOMPLETE',
    ])
  })

  it('find processes of which nothing is known but that they are there, and which may have any role', () => {
    const unread = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => letter.repeat(36))
    expect(kinds({ alive: [node()], unread })).to.deep.equal(['warning STATUS_INCOMPLETE'])
    expect(messageOf({ alive: [node()], unread }))
      .to.include('6 other processes cannot be read (aaaaaaaa, bbbbbbbb, cccccccc, dddddddd, eeeeeeee …)')
      .and.include('REDIS_SIGNING_KEY')
  })

  it('find processes that vanished, and recalls that they took along', () => {
    const alive = [node(), receiver()]
    const gone = (state: object) => ({ alive, gone: [{ ...receiver(), id: 'gone', ...state }] })
    const spool = { recalls: 2, bytes: 9, ageMs: 100 }
    expect(kinds(gone({}))).to.deep.equal(['warning PROCESS_GONE'])
    expect(kinds(gone({ spool }))).to.deep.equal(['critical PROCESS_GONE'])
    expect(kinds(gone({ spool, stopping: true }))).to.deep.equal(['critical PROCESS_GONE'])
    expect(kinds(gone({ spool: { ...spool, recalls: 0 }, stopping: true }))).to.deep.equal([])
    expect(messageOf(gone({ spool }))).to.include('2 recalls wait on its disk')
    expect(messageOf(gone({ host: 'machine-2' }))).to.include('with ROLE=receiver on machine-2 has vanished')
  })

  it('find processes that cannot do their work, unless they are stopping', () => {
    const notReady = { ready: false, reasons: ['Redis refuses'] }
    const doubt = { delivery: { proved: false, doubtMs: 4_000, reason: 'no probe arrives' } } as const
    expect(kinds({ alive: [receiver(), node({ ...notReady, ...doubt })] })).to.deep.equal([
      'critical DELIVERY_IN_DOUBT',
      'critical PROCESS_NOT_READY',
    ])
    expect(messageOf({ alive: [receiver(), node(doubt)] }))
      .to.include('4 s')
      .and.include('no probe arrives')
    expect(kinds({ alive: [receiver(), node({ ...notReady, ...doubt, draining: true })] })).to.deep.equal([])
    // Another node takes its sockets; a receiver has a disk.
    const backed = [node({ ...notReady, id: 'new' }), node(), receiver()]
    expect(kinds({ alive: backed })).to.deep.equal(['warning PROCESS_NOT_READY'])
    expect(kinds({ alive: [node(), receiver(notReady)] })).to.deep.equal(['warning PROCESS_NOT_READY'])
  })

  it('find a node that cannot read what is stored: critical for a minute after each gap', () => {
    const gaps = (ageMs: number) => ({ alive: [receiver(), node({ unreadable: { count: 3, ageMs } })] })
    expect(kinds(gaps(59_999))).to.deep.equal(['critical ENTRIES_UNREADABLE'])
    expect(kinds(gaps(60_000))).to.deep.equal(['warning ENTRIES_UNREADABLE'])
    expect(messageOf(gaps(2_000)))
      .to.include('3, the latest 2 s ago')
      .and.include('REDIS_SIGNING_KEY')
  })

  it('find recalls that wait on disk', () => {
    const spool = (ageMs: number) => ({
      alive: [node(), receiver({ spool: { recalls: 3, bytes: 9, ageMs } })],
    })
    expect(kinds(spool(1_999))).to.deep.equal([])
    expect(kinds(spool(2_000))).to.deep.equal(['warning SPOOL_WAITING'])
    expect(kinds(spool(10_000))).to.deep.equal(['critical SPOOL_WAITING'])
    const full = receiver({ spool: { recalls: 3, bytes: 9, ageMs: 100, full: true } })
    expect(kinds({ alive: [node(), full] })).to.deep.equal(['critical SPOOL_FULL'])
  })

  it('find a backend that does not answer, or does not take all', () => {
    const relay = (state: object) => ({
      alive: [node(), receiver({ relay: { requests: 0, bytes: 0, ageMs: 0, isDown: false, ...state } })],
    })
    const waiting = { requests: 2, bytes: 9, ageMs: 60_000 }
    expect(kinds(relay(waiting))).to.deep.equal([])
    expect(kinds(relay({ ...waiting, ageMs: 60_001 }))).to.deep.equal(['warning RELAY_WAITING'])
    expect(kinds(relay({ isDown: true }))).to.deep.equal(['warning BACKEND_DOWN'])
    expect(messageOf(relay({ isDown: true }))).to.include('nothing waits')
    expect(kinds(relay({ ...waiting, ageMs: 60_001, isDown: true }))).to.deep.equal(['warning BACKEND_DOWN'])
    expect(messageOf(relay({ ...waiting, isDown: true }))).to.include(
      '2 webhooks wait for it, the oldest for 60 s',
    )
  })

  it('find what a person should look at', () => {
    const warned = { warnings: ['Redis evicts keys'] }
    expect(kinds({ alive: [node(warned), receiver({ ...warned, quarantined: 1 })] })).to.deep.equal([
      'warning BROKER_WARNING',
      'warning QUARANTINE_NOT_EMPTY',
    ])
    const dataFolder = 'one'
    const shared = [node(), receiver({ dataFolder }), receiver({ id: 'copy', dataFolder })]
    expect(kinds({ alive: shared })).to.deep.equal(['critical DATA_FOLDER_SHARED'])
    const restarted = receiver({ dataFolder, id: 'new', startedAtMs: NOW_MS - 2_000 })
    expect(kinds({ alive: [node(), receiver({ dataFolder }), restarted] })).to.deep.equal([])
  })

  it('tell the worst first, and at most 100', () => {
    const many = Array.from({ length: 200 }, (_, i) => receiver({ id: `r-${i}`, quarantined: 1 }))
    const found = kinds({ alive: many })
    expect(found).to.have.length(100)
    expect(found[0]).to.equal('critical NO_NODE')
  })

  it('each have a text in Chinese', () => {
    expect(Object.keys(CHINESE)).to.have.members(Object.keys(PROBLEMS))
  })

  it('are each described in operations.md, with their severities', () => {
    const path = fileURLToPath(new URL('../../../server/docs/operations.md', import.meta.url))
    const rows = [
      ...readFileSync(path, 'utf8').matchAll(/^\| `([A-Z_]+)` +\| (critical|warning)(, warning)? +\|/gm),
    ]
    expect(rows.map(([, code, first, second = '']) => `${code} ${first}${second}`)).to.deep.equal(
      Object.entries(PROBLEMS).map(([code, severities]) => `${code} ${severities.join(', ')}`),
    )
  })
})

describe('the rules of webhooks', () => {
  /** Answers webhooks, and returns what the rules find at the end. */
  function play(answer: (window: WebhookWindow, waitS: (seconds: number) => void) => void) {
    const clock = createManualClock()
    const window = new WebhookWindow(clock.now)
    answer(window, (seconds) => clock.advance(seconds * 1_000))
    return problemsOf(
      { alive: [node(), receiver({ webhooks: window.state() })], gone: [], unread: [] },
      NOW_MS,
    )
  }
  const kindsOf = (...call: Parameters<typeof play>): string[] =>
    play(...call).map(({ severity, code }) => `${severity} ${code}`)
  const repeat = (times: number, work: () => void): void => {
    for (let i = 0; i < times; i++) work()
  }
  const REFUSED = ['critical WEBHOOKS_REFUSED']

  it('are critical within a minute when the token was rotated on one side only', () => {
    const rotated = (seconds: number) =>
      play((window, waitS) => {
        repeat(200, () => window.add('OK'))
        waitS(20)
        repeat(30, () => {
          window.add('WEBHOOK_FORGED')
          waitS(seconds / 30)
        })
      })
    expect(rotated(60)[0]).to.include({ severity: 'critical', code: 'WEBHOOKS_REFUSED' })
    expect(rotated(6)[0]?.message).to.include('30 with WEBHOOK_FORGED').and.include('WEBHOOK_TOKEN differ')
    // Refused before by accident, all at once, or by a gateway that has just started.
    expect(
      kindsOf((window, waitS) => {
        window.add('WEBHOOK_FORGED')
        window.add('OK')
        repeat(30, () => window.add('APP_NOT_OURS'))
        waitS(6)
      }),
    ).to.deep.equal(REFUSED)
    expect(
      kindsOf((window, waitS) => {
        repeat(3, () => window.add('ADDRESS_REFUSED'))
        waitS(6)
      }),
    ).to.deep.equal(REFUSED)
  })

  it('are well again with the next OK, and forgotten after five minutes', () => {
    const broken = (window: WebhookWindow, waitS: (seconds: number) => void) => {
      repeat(30, () => window.add('WEBHOOK_FORGED'))
      waitS(30)
    }
    expect(
      kindsOf((window, waitS) => {
        broken(window, waitS)
        window.add('OK')
      }),
    ).to.deep.equal(['warning WEBHOOKS_REFUSED'])
    expect(
      kindsOf((window, waitS) => {
        broken(window, waitS)
        waitS(301)
      }),
    ).to.deep.equal([])
  })

  it('are only warnings while others are answered with OK, so that nobody can paint it red with forged calls', () => {
    let reds = 0
    const attack = (window: WebhookWindow, waitS: (seconds: number) => void): void => {
      for (let second = 0; second < 1_000; second++) {
        repeat(10, () => window.add('WEBHOOK_FORGED'))
        if (second % 30 === 0) window.add('OK')
        waitS(1)
        const view = { alive: [node(), receiver({ webhooks: window.state() })], gone: [], unread: [] }
        if (second > 60 && problemsOf(view, NOW_MS)[0]?.severity === 'critical') reds++
      }
    }
    expect(kindsOf(attack)).to.deep.equal(['warning WEBHOOKS_REFUSED'])
    expect(reds).to.equal(0)
    // Not even the provider's calls get through any more.
    expect(
      kindsOf((window, waitS) => {
        attack(window, waitS)
        repeat(300, () => {
          window.add('WEBHOOK_FORGED')
          waitS(1)
        })
      }),
    ).to.deep.equal(REFUSED)
  })

  it('take one or two refused calls, and any that no provider makes, for somebody else', () => {
    const some = (...outcomes: Parameters<WebhookWindow['add']>[0][]) =>
      kindsOf((window, waitS) => {
        for (const outcome of outcomes) window.add(outcome)
        waitS(60)
      })
    expect(some('WEBHOOK_FORGED', 'WEBHOOK_FORGED')).to.deep.equal(['warning WEBHOOKS_REFUSED'])
    expect(some(...Array<'METHOD_NOT_ALLOWED'>(60).fill('METHOD_NOT_ALLOWED'))).to.deep.equal([])
  })

  it('lose no recall to a relay that leads back to the gateway', () => {
    const loop = kindsOf((window) => {
      for (let i = 0; i < 10; i++) {
        window.add('RELAY_LOOP')
        window.add('OK')
      }
    })
    expect(loop).to.deep.equal(['warning WEBHOOKS_REFUSED'])
  })

  it('find webhooks that were not stored: critical for a minute, and until one is', () => {
    const failed = (secondsAgo: number, before: WebhookState['ok'], after: WebhookState['ok']) =>
      kindsOf((window, waitS) => {
        repeat(before, () => window.add('OK'))
        window.add('NOT_KEPT')
        repeat(after, () => {
          waitS(1)
          window.add('OK')
        })
        waitS(secondsAgo - after)
      })
    expect(failed(5, 10, 0)).to.deep.equal(['critical WEBHOOKS_FAILED'])
    expect(failed(30, 10, 5)).to.deep.equal(['critical WEBHOOKS_FAILED'])
    expect(failed(61, 10, 5)).to.deep.equal(['warning WEBHOOKS_FAILED'])
    expect(failed(200, 10, 0)).to.deep.equal(['critical WEBHOOKS_FAILED'])
    expect(failed(301, 10, 0)).to.deep.equal([])
  })
})
