import { pino } from 'pino'
import type { Broker, RoomListener } from '../../server/broker/broker.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { GatewayError } from '../../shared/errors.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

describe('a room of a node', () => {
  const undo = undoAfterEach()

  it('reads its log at once when the subscription stands again, however long reading had failed', async () => {
    const { random } = Math
    undo(() => (Math.random = random))
    // The longest waits that there can be.
    Math.random = () => 1
    let isAway = false
    let failures = 0
    let listener: RoomListener | undefined
    const broker: Pick<Broker, 'subscribe' | 'heads' | 'history' | 'newEpoch'> = {
      newEpoch: async () => undefined,
      async subscribe(_room, heard) {
        listener = heard
        return { leave: () => undefined }
      },
      heads: async () => [{ epoch: 'e', offset: 0 }],
      async history() {
        if (isAway) {
          failures++
          throw new GatewayError('BROKER_UNAVAILABLE')
        }
        const notice = { offset: 1, group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }
        return { notices: [notice], head: { epoch: 'e', offset: 1 } }
      },
    }
    const room = new LocalRoom(
      { group: 'g' },
      { batchWindowMs: 0 },
      {
        broker,
        metrics: createMetrics(),
        log: pino({ level: 'silent' }),
        hub: { broadcast: () => undefined, broadcastGap: () => undefined },
      },
    )
    undo(() => room.close())
    await room.open()
    isAway = true
    listener?.onInterrupted()
    await until('the next wait is of 3.2 s', () => failures === 6)
    isAway = false
    listener?.onInterrupted()
    await until('the room is at the end of its log', () => room.position.offset === 1, 1_000)
  })
})
