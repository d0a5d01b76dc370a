import { expect } from 'chai'
import { createWebhook } from '../../server/receiver/webhook.ts'
import { recallBody } from '../support/webhook.ts'

describe('a webhook that the gateway fails to handle', () => {
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
      metrics: { recallStored: () => undefined },
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
      isReplay: false,
    })
    expect(response).to.include({ ActionStatus: 'OK' })
    expect(quarantined).to.deep.equal(['internal error'])
    expect(lines.map(({ err }) => err)).to.deep.equal([failure])
  })

  it('is not waited for any longer because the clock was set back meanwhile', async () => {
    const timeouts: number[] = []
    const publish = (_recall: unknown, timeoutMs: number) => {
      timeouts.push(timeoutMs)
      return Promise.resolve({ duplicate: false, spooled: true as const, positions: [] })
    }
    const handle = createWebhook({
      broker: { publish, endGroup: async () => undefined },
      quarantine: { add: async () => undefined },
      announceEnd: () => undefined,
      metrics: { recallStored: () => undefined },
      log: { debug: () => undefined } as never,
    })
    await handle({
      query: { get: () => 'Group.CallbackAfterRecallMsg', withoutSign: '' },
      body: Buffer.from(JSON.stringify(recallBody())),
      contentType: undefined,
      receivedAtMs: Date.now() + 3_600_000,
      isReplay: false,
    })
    expect(timeouts).to.have.length(1)
    expect(timeouts[0]).to.be.at.most(1_700)
  })
})
