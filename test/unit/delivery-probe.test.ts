import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { createDeliveryProbe } from '../../server/broker/redis/delivery-probe.ts'
import { waitUntil } from '../support/wait.ts'

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

  it('is proved at once when the subscriptions are back, and does not take them for silent', async () => {
    let isSubscribed = true
    let hears = false
    let reconnects = 0
    const sent: string[] = []
    const deliveryProbe = createDeliveryProbe({
      send: async (probe) => {
        sent.push(probe)
        if (hears) deliveryProbe.onProbe(probe)
      },
      isSubscribed: () => isSubscribed,
      onFailure: () => true,
      reconnectCommands: () => undefined,
      reconnectSubscriber: () => void reconnects++,
      log: pino({ level: 'silent' }),
    })
    // The connection is lost and replaced while the first probe is under way, which nobody could hear.
    const started = deliveryProbe.start()
    isSubscribed = false
    hears = true
    isSubscribed = true
    deliveryProbe.onSubscribed()
    await started
    expect([deliveryProbe.isDelivering(), reconnects]).to.deep.equal([false, 0])
    await waitUntil('the next probe is sent', () => sent.length === 2, 200)
    expect([deliveryProbe.isDelivering(), reconnects]).to.deep.equal([true, 0])
    // Between two probes, too.
    deliveryProbe.onSubscribed()
    await waitUntil('another one is sent', () => sent.length === 3, 200)
    deliveryProbe.stop()
    deliveryProbe.onSubscribed()
    await delay(1)
    expect(sent).to.have.length(3)
  })
})
