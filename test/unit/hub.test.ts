import { expect } from 'chai'
import { createHub } from '../../server/realtime/rooms/hub.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'

describe('the hub of a node', () => {
  for (const receivedAtMs of [-1e300, 0, 1e300])
    it(`takes no time that is none for how long a delivery took: received at ${receivedAtMs}`, () => {
      const metrics = createMetrics()
      const hub = createHub(metrics)
      const notice = { group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs, offset: 1 }
      void hub.broadcast({ group: 'g' }, 'e', [notice])
      expect(metrics.latencyMs().p99).to.be.within(0, 86_400_000)
    })
})
