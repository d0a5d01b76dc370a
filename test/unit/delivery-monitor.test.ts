import { expect } from 'chai'
import { pino } from 'pino'
import type { DeliveryState } from '../../shared/http-api.ts'
import type { Delivery } from '../../shared/protocol.ts'
import { monitorDelivery } from '../../server/realtime/delivery/delivery.ts'
import type { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { waitUntil } from '../support/wait.ts'

/** What the monitor takes for a process that was blocked. */
const STALL_MS = 1_050

describe('delivery monitor', () => {
  it('tells of rooms that stay in doubt before it says that the node is proved, also after a stall', async () => {
    const told: Delivery[] = []
    const connection = {
      onDelivery: ({ payload }: { readonly payload: Delivery }) => void told.push(payload),
    }
    const room = { name: 'g', room: { group: 'g' }, flush: () => undefined } as unknown as LocalRoom
    const alone = new Map<LocalRoom, number>()
    let isDelivering = false
    const monitor = monitorDelivery({
      broker: {
        isDelivering: () => isDelivering,
        probeAgeMs: () => (isDelivering ? 0 : 60_000),
        reasons: () => [],
        heartbeats: async () => [],
      },
      rooms: {
        lag: { has: () => true, alone: () => alone, ofNodeSinceMs: () => undefined },
        all: () => [room],
      },
      hub: { listenersOf: () => [connection], isListening: () => true },
      sessions: { all: () => [connection] },
      log: pino({ level: 'silent' }),
    } as unknown as Parameters<typeof monitorDelivery>[0])
    try {
      await waitUntil('the node is in doubt', () => told.length === 1, 4_000)
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
    } finally {
      monitor.stop()
    }
  }).timeout(6_000)

  it('waits for receivers to report anew after an interruption that no probe has noticed', async () => {
    const told: Delivery[] = []
    const connection = {
      onDelivery: ({ payload }: { readonly payload: Delivery }) => void told.push(payload),
    }
    let behindSinceMs: number | undefined = performance.now()
    let reportedAtMs = performance.now()
    const text = JSON.stringify({ dataFolder: 'f', ready: true, spool: { recalls: 0, ageMs: 0 } })
    const monitor = monitorDelivery({
      broker: {
        isDelivering: () => true,
        probeAgeMs: () => 0,
        reasons: () => [],
        heartbeats: async () => [{ id: 'p', ageMs: performance.now() - reportedAtMs, text }],
      },
      rooms: {
        lag: { has: () => false, alone: () => new Map(), ofNodeSinceMs: () => behindSinceMs },
        all: () => [],
      },
      hub: { listenersOf: () => [], isListening: () => true },
      sessions: { all: () => [connection] },
      log: pino({ level: 'silent' }),
    } as unknown as Parameters<typeof monitorDelivery>[0])
    try {
      await waitUntil('the node is in doubt', () => told.length === 1, 4_000)
      reportedAtMs = performance.now()
      behindSinceMs = undefined
      await waitUntil('what receivers keep is not known', () => isUnknown(monitor.state()))
      // Not before it has noticed the end of the interruption, and a queue that is late is empty.
      await waitUntil('a while has passed', () => performance.now() - reportedAtMs > 1_000)
      expect(told).to.have.length(1)
      reportedAtMs = performance.now()
      await waitUntil('the node is proved', () => told.some(({ proved }) => proved))
    } finally {
      monitor.stop()
    }
  }).timeout(6_000)
})

const isUnknown = (state: DeliveryState): boolean => !state.proved && state.reason.includes('not known yet')
