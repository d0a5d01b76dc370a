import { pino } from 'pino'
import type { Broker, RoomListener } from '../../server/broker/broker.ts'
import { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { GatewayError } from '../../shared/errors.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

describe('local room', () => {
  const onCleanUp = cleanUpAfterEach()

  it('reads its log immediately when the subscription is back, however long reads have failed', async () => {
    const { random } = Math
    onCleanUp(() => (Math.random = random))
    // Maximum jitter.
    Math.random = () => 1
    let isUnavailable = false
    let failures = 0
    let listener: RoomListener | undefined
    const broker: Pick<Broker, 'subscribe' | 'heads' | 'history' | 'newEpoch'> = {
      newEpoch: async () => undefined,
      async subscribe(_room, roomListener) {
        listener = roomListener
        return { leave: () => undefined }
      },
      heads: async () => [{ epoch: 'e', offset: 0 }],
      async history() {
        if (isUnavailable) {
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
    onCleanUp(() => room.close())
    await room.open()
    isUnavailable = true
    listener?.onInterrupted()
    await waitUntil('the next retry is 3.2 s away', () => failures === 6)
    isUnavailable = false
    listener?.onInterrupted()
    await waitUntil('the room has read its log', () => room.position.offset === 1, 1_000)
  })
})
