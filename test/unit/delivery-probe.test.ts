import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { createDeliveryProbe } from '../../server/broker/redis/delivery-probe.ts'

/** Longer than a probe may take to arrive. */
const STALL_MS = 1_300

/** Blocks this process, as a burst of work would. */
function stall(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

describe('delivery probe', () => {
  /** Sends one probe, which arrives when `onSend` calls back. */
  const sendProbe = async (onSend: (arrive: () => void) => unknown) => {
    let reconnects = 0
    const deliveryProbe = createDeliveryProbe({
      send: async (probe) => onSend(() => deliveryProbe.onProbe(probe)),
      isSubscribed: () => true,
      onFailure: () => true,
      reconnectCommands: () => undefined,
      reconnectSubscriber: () => void reconnects++,
      log: pino({ level: 'silent' }),
    })
    await deliveryProbe.start()
    deliveryProbe.stop()
    return { reconnects: () => reconnects, isDelivering: deliveryProbe.isDelivering() }
  }

  it('proves that notices arrive', async () => {
    const { reconnects, isDelivering } = await sendProbe((arrive) => setImmediate(arrive))
    expect([reconnects(), isDelivering]).to.deep.equal([0, true])
  })

  it('reconnects a subscription that delivers nothing', async () => {
    const { reconnects, isDelivering } = await sendProbe(() => undefined)
    expect([reconnects(), isDelivering]).to.deep.equal([1, false])
  })

  it('keeps the subscription when this process was too busy to read', async () => {
    const { reconnects, isDelivering } = await sendProbe((arrive) => {
      // It arrives while the process is blocked, and is read only after due timers have run.
      void delay(STALL_MS - 200).then(() => setImmediate(arrive))
      setImmediate(() => stall(STALL_MS))
    })
    expect([reconnects(), isDelivering]).to.deep.equal([0, true])
  })

  it('is proved by a probe that was under way when this process was too busy to read its reply in time', async () => {
    const { reconnects, isDelivering } = await sendProbe((arrive) => {
      void delay(STALL_MS - 200).then(() => setImmediate(arrive))
      setImmediate(() => stall(STALL_MS))
      return delay(1_000).then(() => Promise.reject(new Error('no reply in time')))
    })
    expect([reconnects(), isDelivering]).to.deep.equal([0, true])
  })
})
