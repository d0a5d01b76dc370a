import { expect } from 'chai'
import { GatewayError } from '../../shared/errors.ts'
import { BackendHealth } from '../../server/receiver/relay/backend-health.ts'
import { createRelay } from '../../server/receiver/relay/relay.ts'

const COMMAND = 'Group.CallbackAfterSendMsg'

describe('a relay whose disk hangs', () => {
  it('holds only so many requests in memory', async () => {
    let writing = 0
    const errors: string[] = []
    const relay = createRelay(
      { fallback: 'allow', overrides: {}, recalls: true },
      {
        forwarder: { forward: async () => ({ kind: 'failed', reason: 'away' }) },
        health: new BackendHealth(),
        queue: {
          arrive: () => ({ number: 1, mustQueue: true, leave: () => undefined }),
          add: () => Promise.reject(new GatewayError('NOT_KEPT')),
        },
        quarantine: {
          addRelay() {
            writing++
            return new Promise<never>(() => undefined)
          },
        },
        metrics: { relayed: () => undefined },
        log: {
          debug: () => undefined,
          error: (_: object, text: string) => void errors.push(text),
        } as never,
      },
    )
    const call = {
      query: { get: () => COMMAND, withoutSign: '' },
      body: Buffer.alloc(0),
      contentType: undefined,
      receivedAtMs: Date.now(),
      startedMs: performance.now(),
      isReplay: false,
      relayed: { method: 'POST', pathSuffix: '', query: '', forwarded: {} },
    }
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1_000 }, () => relay.relay(call, COMMAND, {})),
    )
    expect(outcomes.every(({ status }) => status === 'rejected')).to.equal(true)
    expect(writing).to.equal(256)
    expect(errors).to.include('cannot write to the quarantine: too much waits for its disk')
  })
})
