import type { Broker } from '../../server/broker/broker.ts'

/** What a broker does while nothing happens, for those in memory that do a part of it themselves. */
export const IDLE_BROKER = {
  start: async () => undefined,
  stop: async () => undefined,
  isReady: () => true,
  reasons: () => [],
  warnings: () => [],
  powerCut: () => 'nothing',
  probeAgeMs: () => 0,
  isDelivering: () => true,
  publish: async () => ({ duplicate: false, positions: [] }),
  newEpoch: async () => undefined,
  recalled: async () => [],
  endGroup: async () => undefined,
  announce: async () => undefined,
  record: async () => undefined,
  records: async () => ({ records: [], unreadable: 0 }),
  heartbeat: async () => undefined,
  heartbeats: async () => [],
  ask: async () => '',
  onAsk: () => () => undefined,
  historyBefore: async () => ({ notices: [], unreadable: 0, head: { epoch: 'e', offset: 0 } }),
  onAnnouncement: () => () => undefined,
  entries: async () => ({ entries: [] }),
  noteTold: async () => undefined,
  told: async () => new Map(),
} as const satisfies Partial<Broker>
