import { expect } from 'chai'
import type { QuarantineResponse, QuarantineRetryResponse } from '../../shared/http-api/quarantine.ts'
import { bodyOf, headerOf, startBackend } from '../support/backend-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken } from '../support/client.ts'
import { startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, signedQuery } from '../support/webhook.ts'

const AFTER = 'Group.CallbackAfterSendMsg'

describe('a webhook that the backend refuses when it is delivered later', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is in the quarantine with the reason, and reaches the backend signed anew when it is retried', async () => {
    const backend = await startBackend({ token: WEBHOOK_TOKEN })
    onCleanUp(backend.stop)
    const gateway = await startGatewayProcess({ RELAY_URL: backend.url, RELAY_FALLBACK: 'allow' })
    onCleanUp(gateway.stop)
    const headers = { Authorization: `Bearer ${await adminToken()}` }
    const ask = async <T>(path: string, method = 'GET'): Promise<T> =>
      (await (await fetch(`${gateway.url}/v1/${path}`, { method, headers })).json()) as T

    await backend.behave({ kind: 'answer', status: 503 })
    const body = { CallbackCommand: AFTER, GroupId: 'g', MsgSeq: 7 }
    // Within the minute in which a webhook counts as fresh, but too old to be passed on as it is.
    const query = signedQuery(AFTER, Math.floor(Date.now() / 1_000) - 50)
    expect((await postWebhook(gateway.url, { query, body })).body.ActionStatus).to.equal('OK')
    await backend.behave({ kind: 'answer', status: 410 })
    const entries = await waitUntil('it is given up', async () => {
      const found = await ask<QuarantineResponse>('quarantine?kind=relay')
      return found.entries.length > 0 && found.entries
    })
    const [entry] = entries
    expect(entry).to.include({ command: AFTER }).and.have.property('reason').that.includes('410')

    await backend.behave({ kind: 'answer' })
    const before = backend.received().length
    const retried = await ask<QuarantineRetryResponse>(`quarantine/${entry?.id}/retry`, 'POST')
    expect(retried).to.have.property('accepted', true)
    const received = await backend.waitFor('it arrives', ({ length }) => length > before)
    const last = received.at(-1)
    if (last === undefined) throw new Error('nothing has arrived')
    expect(JSON.parse(bodyOf(last).toString())).to.deep.equal(body)
    expect(Number(headerOf(last, 'Recall-Gateway-Attempt'))).to.be.greaterThan(1)
    const times = new URLSearchParams(last.target.split('?')[1]).getAll('RequestTime')
    expect(times).to.have.length(1)
    expect(Date.now() / 1_000 - Number(times[0])).to.be.lessThan(20)
    await waitUntil(
      'it is gone',
      async () => (await ask<QuarantineResponse>('quarantine')).entries.length === 0,
    )
  })
})
