import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { GatewayError } from '../../shared/errors.ts'
import { BackendHealth } from '../../server/receiver/relay/backend-health.ts'
import { createRelay } from '../../server/receiver/relay/relay.ts'
import type { Attempt } from '../../server/receiver/relay/relayed-request.ts'

const COMMAND = 'Group.CallbackAfterSendMsg'
const ASKING = 'Group.CallbackBeforeSendMsg'

const unexpected = (): never => {
  throw new Error('a Before-command is not kept')
}

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

describe('a relay whose backend hangs', () => {
  for (const [what, bytes, most] of [
    ['requests', 0, 256],
    ['bytes', 2 ** 20, 32],
  ] as const)
    it(`has only so many ${what} under way, and answers the others at once`, async () => {
      let sent = 0
      let isFull = false
      const answers: ((attempt: Attempt) => void)[] = []
      const relay = createRelay(
        { fallback: 'allow', overrides: {}, recalls: true },
        {
          forwarder: {
            forward() {
              sent++
              if (isFull) throw new Error('more are under way')
              return new Promise((resolve) => void answers.push(resolve))
            },
          },
          health: new BackendHealth(),
          queue: { arrive: () => unexpected(), add: async () => unexpected() },
          quarantine: { addRelay: async () => unexpected() },
          metrics: { relayed: () => undefined },
          log: { debug: () => undefined } as never,
        },
      )
      const ask = () => {
        const call = {
          query: { get: () => ASKING, withoutSign: '' },
          body: Buffer.alloc(bytes),
          contentType: undefined,
          receivedAtMs: Date.now(),
          startedMs: performance.now(),
          isReplay: false,
          relayed: { method: 'POST', pathSuffix: '', query: '', forwarded: {} },
        }
        return relay.relay(call, ASKING, {})
      }
      const waiting = Array.from({ length: most }, ask)
      isFull = true
      for (let i = 0; i < 10; i++) expect(await ask()).to.include({ ActionStatus: 'OK' })
      expect(sent).to.equal(most)
      isFull = false
      // Each that ends makes room for another.
      answers[0]?.({ kind: 'failed', reason: 'late' })
      await waiting[0]
      void ask()
      expect(sent).to.equal(most + 1)
    })
})

describe('a recall whose queue does not take it', () => {
  const call = {
    query: { get: () => COMMAND, withoutSign: '' },
    body: Buffer.from('{}'),
    contentType: undefined,
    receivedAtMs: Date.now(),
    startedMs: performance.now(),
    isReplay: false,
    relayed: { method: 'POST', pathSuffix: '', query: '', forwarded: {} },
  }

  /** Resolves to what happens to it. */
  async function relayed(add: () => Promise<void>, attempt: Attempt, startedMs = performance.now()) {
    const happened: string[] = []
    const relay = createRelay(
      { fallback: 'allow', overrides: {}, recalls: true },
      {
        forwarder: {
          async forward() {
            happened.push('sent')
            return attempt
          },
        },
        health: new BackendHealth(),
        queue: { arrive: () => ({ number: 1, mustQueue: false, leave: () => undefined }), add },
        quarantine: { addRelay: async () => void happened.push('quarantined') },
        metrics: { relayed: (_, outcome) => void happened.push(outcome) },
        log: { debug: () => undefined, error: () => undefined } as never,
      },
    )
    await relay.relayRecall({ ...call, startedMs }, COMMAND, {}, Promise.resolve())
    await setImmediate()
    return happened
  }

  const ANSWERED: Attempt = { kind: 'answered', status: 200, contentType: undefined, body: Buffer.alloc(0) }
  const FAILED: Attempt = { kind: 'failed', reason: 'away' }
  const refuse = () => Promise.reject(new GatewayError('NOT_KEPT'))

  it('goes to the backend at once, and to the quarantine if that does not answer', async () => {
    expect(await relayed(refuse, ANSWERED)).to.deep.equal(['sent', 'answered'])
    expect(await relayed(refuse, FAILED)).to.deep.equal(['sent', 'refused', 'quarantined'])
  })

  it('is not sent past a queue that is slow, and may take it yet', async () => {
    const hang = () => new Promise<never>(() => undefined)
    const startedMs = performance.now() - 2_000
    expect(await relayed(hang, ANSWERED, startedMs)).to.deep.equal(['refused', 'quarantined'])
  })
})
