import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { asGatewayError } from '../../shared/errors.ts'
import { createReceiver } from '../../server/receiver/receiver.ts'
import { createWebhook } from '../../server/receiver/webhook.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP } from '../support/gateway-process.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const HOUR_MS = 3_600_000

describe('a webhook that the gateway fails to handle', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is answered and quarantined, and the log has the error itself', async () => {
    const lines: { readonly err?: unknown }[] = []
    const quarantined: string[] = []
    const failure = new TypeError('a mistake in the gateway')
    const handle = createWebhook({
      broker: { publish: () => Promise.reject(failure), endGroup: async () => undefined },
      quarantine: { add: async ({ reason }) => void quarantined.push(reason) },
      announceEnd: () => {
        throw failure
      },
      metrics: { recallStored: () => undefined, commandUnhandled: () => undefined },
      log: { warn: () => undefined, error: (line: object) => lines.push(line) } as never,
    })
    const command = 'Group.CallbackAfterMemberExit'
    const response = await handle({
      query: { get: () => command, withoutSign: '' },
      body: Buffer.from(
        JSON.stringify({
          CallbackCommand: command,
          GroupId: 'g',
          ExitMemberList: [{ Member_Account: 'u' }],
        }),
      ),
      contentType: undefined,
      receivedAtMs: Date.now(),
      startedMs: performance.now(),
      isReplay: false,
    })
    expect(response).to.include({ ActionStatus: 'OK' })
    expect(quarantined).to.deep.equal(['internal error'])
    expect(lines.map(({ err }) => err)).to.deep.equal([failure])
  })

  it('is waited for as long as ever although the clock was set meanwhile', async () => {
    const timeouts: number[] = []
    const publish = (_recall: unknown, timeoutMs: number) => {
      timeouts.push(timeoutMs)
      return Promise.resolve({ duplicate: false, spooled: true as const, positions: [] })
    }
    const handle = createWebhook({
      broker: { publish, endGroup: async () => undefined },
      quarantine: { add: async () => undefined },
      announceEnd: () => undefined,
      metrics: { recallStored: () => undefined, commandUnhandled: () => undefined },
      log: { debug: () => undefined } as never,
    })
    for (const aheadMs of [HOUR_MS, -HOUR_MS])
      await handle({
        query: { get: () => 'Group.CallbackAfterRecallMsg', withoutSign: '' },
        body: Buffer.from(JSON.stringify(recallBody())),
        contentType: undefined,
        receivedAtMs: Date.now() + aheadMs,
        // So that a slow machine does not make it the least that a recall gets.
        startedMs: performance.now() + 60_000,
        isReplay: false,
      })
    expect(timeouts).to.have.length(2)
    for (const timeoutMs of timeouts) expect(timeoutMs).to.be.within(1_001, 61_700)
  })

  it('is answered after the provider has given up, which repeats it only then, although the clock was set ahead meanwhile', async () => {
    const { now } = Date
    onCleanUp(() => void (Date.now = now))
    const receiver = createReceiver(
      { path: '/webhook', mayCall: () => true, app: APP, tokens: undefined },
      {
        broker: {
          publish() {
            Date.now = () => now() + HOUR_MS
            return Promise.reject(new Error('the disk is full'))
          },
          endGroup: async () => undefined,
        },
        quarantine: { add: async () => undefined },
        announceEnd: () => undefined,
        metrics: {
          webhookExpected: () => undefined,
          webhookAnswered: () => undefined,
          recallStored: () => undefined,
          commandUnhandled: () => undefined,
        },
        refusals: { report: (_entrance, error) => asGatewayError(error) },
        log: {} as never,
      },
    )
    onCleanUp(receiver.stop)
    const server = createServer((request, response) => void receiver.handle(request, response))
    onCleanUp(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const startedMs = performance.now()
    const { status, body } = await postWebhook(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect(status).to.equal(503)
    expect(body.ErrorInfo).to.include('NOT_KEPT')
    expect(performance.now() - startedMs).to.be.above(2_000)
  })

  it('is answered in time while the disk of the quarantine hangs', async () => {
    const lines: string[] = []
    const handle = createWebhook({
      broker: {
        publish: () => Promise.resolve({ duplicate: false, spooled: true as const, positions: [] }),
        endGroup: async () => undefined,
      },
      quarantine: { add: () => new Promise(() => undefined) },
      announceEnd: () => undefined,
      metrics: { recallStored: () => undefined, commandUnhandled: () => undefined },
      log: {
        debug: () => undefined,
        warn: () => undefined,
        error: (_: object, line: string) => lines.push(line),
      } as never,
    })
    const post = (fields: object) =>
      handle({
        query: { get: () => 'Group.CallbackAfterRecallMsg', withoutSign: '' },
        body: Buffer.from(JSON.stringify(recallBody({ ...fields }))),
        contentType: undefined,
        // As long ago as leaves the least time.
        receivedAtMs: Date.now() - 2_000,
        startedMs: performance.now() - 2_000,
        isReplay: false,
      }).catch((error: unknown) => error)
    const [odd, unclear] = await Promise.all([post({ Operator_Account: {} }), post({ GroupId: {} })])
    expect(odd).to.include({ ActionStatus: 'OK' })
    expect(unclear).to.include({ code: 'WEBHOOK_MALFORMED' })
    expect(lines).to.deep.equal(Array(2).fill('the quarantine is slow to write, not waited for'))
    // Those before it wait in memory, so this one is dropped.
    await Promise.all(Array.from({ length: 998 }, () => post({ GroupId: {} })))
    lines.splice(0)
    await post({ GroupId: {} })
    expect(lines).to.deep.equal(['cannot write to the quarantine: too much waits for its disk'])
  })
})
