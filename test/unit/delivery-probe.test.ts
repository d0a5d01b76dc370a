import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { createDeliveryProbe } from '../../server/broker/redis/delivery-probe.ts'

/** Longer than a probe may take to come back. */
const STALL_MS = 1_300

/** Keeps this process from everything else, as a storm of work would. */
function stall(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

describe('probe of the subscription connection', () => {
  /** A prober whose probes come back, or do not, as `answer` does. */
  const probing = async (answer: (come: () => void) => void) => {
    let rebuilt = 0
    const prober = createDeliveryProbe({
      send: async (probe) => answer(() => prober.onProbe(probe)),
      isSubscribed: () => true,
      onFailure: () => undefined,
      reconnectCommands: () => undefined,
      reconnectSubscriber: () => void rebuilt++,
      log: pino({ level: 'silent' }),
    })
    await prober.start()
    prober.stop()
    return { rebuilt: () => rebuilt, isDelivering: prober.isDelivering() }
  }

  it('proves that notices arrive', async () => {
    const { rebuilt, isDelivering } = await probing((come) => setImmediate(come))
    expect([rebuilt(), isDelivering]).to.deep.equal([0, true])
  })

  it('finds a connection deaf that brings nothing', async () => {
    const { rebuilt, isDelivering } = await probing(() => undefined)
    expect([rebuilt(), isDelivering]).to.deep.equal([1, false])
  })

  it('does not take the connection for deaf when this process was too busy to listen', async () => {
    const { rebuilt, isDelivering } = await probing((come) => {
      // It comes while nothing is looked at, and is looked at after the timers.
      void delay(STALL_MS - 200).then(() => setImmediate(come))
      setImmediate(() => stall(STALL_MS))
    })
    expect([rebuilt(), isDelivering]).to.deep.equal([0, true])
  })
})
