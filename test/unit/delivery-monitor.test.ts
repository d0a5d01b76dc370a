import { mock } from 'node:test'
import { expect } from 'chai'
import { pino } from 'pino'
import type { DeliveryState } from '../../shared/http-api.ts'
import type { Delivery } from '../../shared/protocol.ts'
import { monitorDelivery } from '../../server/realtime/delivery/delivery.ts'
import type { WaitingOnDisk } from '../../server/realtime/delivery/delivery.ts'
import { createHub } from '../../server/realtime/rooms/hub.ts'
import type { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { waitUntil } from '../support/wait.ts'

/** What the monitor takes for a process that was blocked. */
const STALL_MS = 1_050
/** Until a node is in doubt, and some checks. */
const DOUBT_TIMEOUT_MS = 4_000
/** Until another reason for the same doubt is told. */
const RETELL_TIMEOUT_MS = 7_000

describe('delivery monitor', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Starts a monitor with one connection. Returns it, and what that was told. */
  function start({
    broker,
    lag,
    rooms = [],
    waitingOnDisk = () => undefined,
    settled = () => undefined,
    onTold = () => undefined,
  }: {
    broker: object
    lag: object
    rooms?: readonly LocalRoom[]
    waitingOnDisk?: WaitingOnDisk
    settled?: () => Promise<unknown> | undefined
    onTold?: (delivery: Delivery) => void
  }) {
    const told: Delivery[] = []
    const connection = {
      onDelivery({ payload }: { readonly payload: Delivery }) {
        told.push(payload)
        onTold(payload)
      },
    }
    const monitor = monitorDelivery({
      broker: { reasons: () => [], heartbeats: async () => [], ...broker },
      rooms: {
        lag: { has: () => true, alone: () => new Map(), ofNodeSinceMs: () => undefined, ...lag },
        all: () => rooms,
      },
      hub: { listenersOf: () => [connection], isListening: () => true, settled },
      sessions: { all: () => [connection] },
      waitingOnDisk,
      log: pino({ level: 'silent' }),
    } as unknown as Parameters<typeof monitorDelivery>[0])
    onCleanUp(monitor.stop)
    return { monitor, told }
  }

  it('knows what waits on its own disk before it admits sockets, and before a heartbeat tells of it', async () => {
    let recalls = 16
    const { monitor } = start({
      broker: { isDelivering: () => true, probeAgeMs: () => 0 },
      lag: {},
      waitingOnDisk: () => ({ recalls, ageMs: 4_400 }),
    })
    await monitor.ready
    const greeted: Delivery[] = []
    monitor.greet({ onDelivery: ({ payload }) => void greeted.push(payload) })
    expect(greeted.map(({ proved }) => proved)).to.deep.equal([false])
    expect(monitor.state()).to.include({ reason: 'recalls are waiting on the disk of a receiver' })
    recalls = 0
    await waitUntil('the node is proved', () => monitor.state().proved)
  })

  it('tells of rooms that stay in doubt before it says that the node is proved, also after a stall', async () => {
    const room = { name: 'g', room: { group: 'g' }, flush: () => undefined } as unknown as LocalRoom
    const alone = new Map<LocalRoom, number>()
    let isDelivering = false
    const { told } = start({
      broker: { isDelivering: () => isDelivering, probeAgeMs: () => (isDelivering ? 0 : 60_000) },
      lag: { alone: () => alone },
      rooms: [room],
    })
    await waitUntil('the node is in doubt', () => told.length === 1, DOUBT_TIMEOUT_MS)
    alone.set(room, performance.now())
    const endMs = performance.now() + STALL_MS
    while (performance.now() < endMs);
    isDelivering = true
    await waitUntil('the node is proved', () => told.some(({ proved }) => proved))
    expect(told.map(({ proved, rooms }) => [proved, rooms?.length])).to.deep.equal([
      [false, undefined],
      [false, 1],
      [true, undefined],
    ])
  })

  it('tells that the node is proved after what large rooms are still being told', async () => {
    const metrics = createMetrics()
    const hub = createHub(metrics)
    const heard: string[] = []
    const listenerOf = (name: string) => ({
      onNotices() {
        const endsAtMs = performance.now() + 0.2
        while (performance.now() < endsAtMs);
        heard.push(name)
      },
      onGap: () => undefined,
      onDelivery: () => undefined,
    })
    const room = { group: 'g' }
    for (let i = 0; i < 500; i++) hub.join('member', room, listenerOf(`listener ${i}`))
    let isDelivering = false
    let heardWhenProved: number | undefined
    const local = {
      name: 'g',
      room,
      flush: () => void hub.broadcast(room, 'e', []),
    } as unknown as LocalRoom
    const { told } = start({
      broker: { isDelivering: () => isDelivering, probeAgeMs: () => (isDelivering ? 0 : 60_000) },
      lag: {},
      rooms: [local],
      settled: hub.settled,
      onTold: ({ proved }) => void (proved && (heardWhenProved ??= heard.length)),
    })
    await waitUntil('the node is in doubt', () => told.length === 1, DOUBT_TIMEOUT_MS)
    isDelivering = true
    await waitUntil('the node is proved', () => told.some(({ proved }) => proved))
    expect(heardWhenProved).to.equal(500)
  })

  it('tells that a room is proved after what it is still being told, and not if it is in doubt again by then', async () => {
    const room = { name: 'g', room: { group: 'g' }, flush: () => undefined } as unknown as LocalRoom
    let isInDoubt = true
    const settle: (() => void)[] = []
    const { monitor, told } = start({
      broker: { isDelivering: () => true, probeAgeMs: () => 0 },
      lag: { has: () => isInDoubt, alone: () => (isInDoubt ? [[room, performance.now()]] : []) },
      settled: () => new Promise<void>((resolve) => settle.push(resolve)),
    })
    const isToldToBeProved = () => told.map(({ proved }) => proved)
    await waitUntil('the room is in doubt', () => told.length === 1)
    isInDoubt = false
    await waitUntil('what was broadcast is waited for', () => settle.length === 1)
    isInDoubt = true
    await waitUntil('the room is in doubt again', () => monitor.doubtOf(room) !== undefined)
    settle[0]?.()
    await waitUntil('that is told', () => told.length > 1)
    expect(isToldToBeProved()).to.deep.equal([false, false])
    isInDoubt = false
    await waitUntil('what was broadcast is waited for again', () => settle.length === 2)
    settle[1]?.()
    await waitUntil('the room is proved', () => told.length > 2)
    expect(isToldToBeProved()).to.deep.equal([false, false, true])
  })

  it('is in doubt from the start if recalls wait on a disk', async () => {
    const text = JSON.stringify({ dataFolder: 'f', ready: true, spool: { recalls: 1, ageMs: 60_000 } })
    const { monitor } = start({
      broker: {
        isDelivering: () => true,
        probeAgeMs: () => 1,
        heartbeats: async () => [{ id: 'p', ageMs: 0, text }],
      },
      lag: {},
    })
    await monitor.ready
    expect(monitor.state().proved).to.equal(false)
  })

  it('is in doubt from the start if nothing can be read yet', async () => {
    const { monitor } = start({
      broker: {
        isDelivering: () => true,
        probeAgeMs: () => 1,
        heartbeats: () => Promise.reject(new Error('not connected')),
      },
      lag: {},
    })
    await monitor.ready
    expect(monitor.state().proved).to.equal(false)
  })

  it('is in doubt after it stood still, also to one that connects before it has noticed', async () => {
    const reportedAtMs = performance.now()
    let isReporting = false
    const text = JSON.stringify({ dataFolder: 'f', ready: true, spool: { recalls: 0, ageMs: 0 } })
    const { monitor, told } = start({
      broker: {
        isDelivering: () => true,
        probeAgeMs: () => 1,
        heartbeats: async () => [
          { id: 'p', ageMs: isReporting ? 0 : performance.now() - reportedAtMs, text },
        ],
      },
      lag: {},
    })
    await monitor.ready
    const now = Date.now.bind(Date)
    const greeted: Delivery[] = []
    const clock = mock.method(Date, 'now', () => now() + 6_000)
    onCleanUp(() => clock.mock.restore())
    monitor.greet({ onDelivery: ({ payload }) => void greeted.push(payload) })
    expect(greeted).to.have.length(1)
    expect(greeted[0]?.proved === false && greeted[0].doubtMs).to.be.within(6_000, 16_000)
    // What receivers had said before is as old as what it had heard.
    await waitUntil('what receivers keep is not known', () => isUnknown(monitor.state()))
    isReporting = true
    await waitUntil('the node is proved', () => told.some(({ proved }) => proved))
    expect(told.map(({ proved }) => proved)).to.deep.equal([false, true])
  })

  it('takes a probe from before it stood still for no proof, also if it was in doubt already', async () => {
    let isDelivering = false
    let probedAtMs = performance.now() - 60_000
    let checks = 0
    const { monitor, told } = start({
      broker: {
        isDelivering: () => (checks++, isDelivering),
        probeAgeMs: () => performance.now() - probedAtMs,
      },
      lag: {},
    })
    const checkedOften = () => {
      const enough = checks + 3
      return waitUntil('it has been checked', () => checks >= enough)
    }
    await waitUntil('the node is in doubt', () => told.length === 1, DOUBT_TIMEOUT_MS)
    // Nothing speaks against it any more, and a probe comes back while it sleeps.
    isDelivering = true
    await checkedOften()
    probedAtMs = performance.now()
    const now = Date.now.bind(Date)
    const clock = mock.method(Date, 'now', () => now() + 60_000)
    onCleanUp(() => clock.mock.restore())
    await checkedOften()
    expect(monitor.state().proved).to.equal(false)
    probedAtMs = performance.now()
    await waitUntil('the node is proved', () => monitor.state().proved)
  })

  it('doubts in time although it was blocked for a moment', async () => {
    const fairMs = fairClock()
    const [sentAtMs, fairlySentMs] = [performance.now(), fairMs()]
    const text = JSON.stringify({ dataFolder: 'f', ready: true, spool: { recalls: 1, ageMs: 0 } })
    const { told } = start({
      broker: {
        isDelivering: () => true,
        probeAgeMs: () => 1,
        heartbeats: async () => [{ id: 'p', ageMs: performance.now() - sentAtMs, text }],
      },
      lag: {},
    })
    await waitUntil('the doubt is near', () => performance.now() - sentAtMs > 1_300)
    const endMs = performance.now() + STALL_MS
    while (performance.now() < endMs);
    await waitUntil('the node is in doubt', () => told.length === 1, DOUBT_TIMEOUT_MS)
    expect(fairMs() - fairlySentMs).to.be.below(4_000)
  })

  it('tells another reason for the same doubt', async () => {
    let isDelivering = false
    const { told } = start({
      broker: { isDelivering: () => isDelivering, probeAgeMs: () => 60_000 },
      lag: { ofNodeSinceMs: () => (isDelivering ? performance.now() : undefined) },
    })
    await waitUntil('the node is in doubt', () => told.length === 1, DOUBT_TIMEOUT_MS)
    isDelivering = true
    await waitUntil('the other reason is told', () => told.length === 2, RETELL_TIMEOUT_MS)
    expect(told.map((delivery) => (delivery.proved ? '' : delivery.reason))).to.deep.equal([
      'it is not proved that notices reach this node',
      'this node is reading what it may have missed',
    ])
  })

  it('waits for receivers to report anew after an interruption that no probe has noticed', async () => {
    let behindSinceMs: number | undefined = performance.now()
    let reportedAtMs = performance.now()
    let isReporting = false
    let reads = 0
    const text = JSON.stringify({ dataFolder: 'f', ready: true, spool: { recalls: 0, ageMs: 0 } })
    const heartbeats = async () => {
      reads++
      return [{ id: 'p', ageMs: isReporting ? 0 : performance.now() - reportedAtMs, text }]
    }
    const { monitor, told } = start({
      broker: { isDelivering: () => true, probeAgeMs: () => 0, heartbeats },
      lag: { ofNodeSinceMs: () => behindSinceMs },
    })
    await waitUntil('the node is in doubt', () => told.length === 1, DOUBT_TIMEOUT_MS)
    reportedAtMs = performance.now()
    behindSinceMs = undefined
    await waitUntil('what receivers keep is not known', () => isUnknown(monitor.state()))
    const before = reads
    await waitUntil('the old report is read again', () => reads > before + 1, DOUBT_TIMEOUT_MS)
    expect(told).to.have.length(1)
    isReporting = true
    await waitUntil('the node is proved', () => told.some(({ proved }) => proved))
  })
})

const isUnknown = (state: DeliveryState): boolean => !state.proved && state.reason.includes('not known yet')
