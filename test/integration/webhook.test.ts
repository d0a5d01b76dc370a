import { request } from 'node:http'
import { expect } from 'chai'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { adminToken, connect } from '../support/client.ts'
import { RECALL_SAMPLES } from '../support/provider-samples.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const OK = { ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0 }

describe('webhook over HTTP', () => {
  let gateway: GatewayProcess
  before(async () => (gateway = await startGatewayProcess()))
  after(() => gateway.stop())

  const post = (call: Parameters<typeof postWebhook>[1] = {}) => postWebhook(gateway.url, call)

  describe('of a recall', () => {
    it('reaches the group room, the topic room and the feed once each, and a repeat reaches nobody', async () => {
      const body = RECALL_SAMPLES['of 2023, in a topic, with the time in digits']
      const rooms = [
        { group: body.GroupId },
        { group: body.GroupId, topic: body.TopicId },
        { feed: true } as const,
      ]
      const clients = await Promise.all(rooms.map(async () => connect(gateway.url, await adminToken())))
      for (const [i, client] of clients.entries()) await client.request(rooms[i])

      expect(await post({ body })).to.deep.include({ status: 200, body: OK })
      expect(await post({ body })).to.deep.include({ status: 200, body: OK })
      // If the repeat were delivered, it would arrive before this one.
      expect(await post({ body: { ...body, MsgSeqList: [{ MsgSeq: 131 }] } })).to.deep.include({ body: OK })

      for (const [i, client] of clients.entries()) {
        await client.count(2)
        expect(client.seqs()).to.deep.equal([130, 131])
        expect(client.received[0]?.room).to.deep.equal(rooms[i])
        expect(client.received[0]?.notice).to.deep.include({
          group: body.GroupId,
          topic: body.TopicId,
          operator: 'admin',
          messages: [{ seq: 130 }],
          recalledAtMs: 1670574414123,
        })
        client.close()
      }
    })

    it('is accepted without a Content-Type, and with any', async () => {
      for (const [i, type] of [
        '',
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/json',
      ].entries()) {
        const body = recallBody({ GroupId: 'types', MsgSeqList: [{ MsgSeq: i + 1 }] })
        expect(
          (await postRaw(gateway.port, JSON.stringify(body), type ? { 'content-type': type } : {})).status,
        ).to.equal(200)
      }
    })

    it('is accepted without ClientIP, OptPlatform and contenttype', async () => {
      const { ClientIP: _ip, OptPlatform: _platform, contenttype: _type, ...query } = signedQuery()
      expect(await post({ query })).to.deep.include({ status: 200, body: OK })
    })

    it('of 1,000 messages with ids is not too large', async () => {
      const MsgSeqList = Array.from({ length: 1_000 }, (_, i) => ({
        MsgSeq: 1e9 + i,
        MsgId: `144115213033478435-1739361321-${1e9 + i}`,
      }))
      expect(await post({ body: recallBody({ GroupId: 'large', MsgSeqList }) })).to.deep.include({
        status: 200,
        body: OK,
      })
    })
  })

  describe('of another command', () => {
    it('receives "no opinion"', async () => {
      const CallbackCommand = 'Group.CallbackBeforeSendMsg'
      const call = { query: signedQuery(CallbackCommand), body: { CallbackCommand, GroupId: '@TGS#1' } }
      expect(await post(call)).to.deep.include({ status: 200, body: OK })
    })

    it('receives one result per account for a friend request', async () => {
      const CallbackCommand = 'Sns.CallbackPrevFriendAdd'
      const call = {
        query: signedQuery(CallbackCommand),
        body: { CallbackCommand, FriendItem: [{ To_Account: 'id1' }] },
      }
      const ResultItem = [{ To_Account: 'id1', ResultCode: 0, ResultInfo: '' }]
      expect((await post(call)).body).to.deep.equal({ ...OK, ResultItem })
    })
  })

  const without = (name: string) => ({ ...signedQuery(), [name]: undefined })
  const nowS = () => Math.floor(Date.now() / 1_000)
  const REFUSED: [
    description: string,
    call: () => Parameters<typeof postWebhook>[1],
    status: number,
    names: string,
  ][] = [
    [
      'with a wrong Sign',
      () => ({ query: { ...signedQuery(), Sign: '0'.repeat(64) } }),
      401,
      'WEBHOOK_FORGED',
    ],
    ['without Sign', () => ({ query: without('Sign') }), 401, 'WEBHOOK_FORGED'],
    ['without RequestTime', () => ({ query: without('RequestTime') }), 401, 'WEBHOOK_FORGED'],
    ['signed two minutes ago', () => ({ query: signedQuery(undefined, nowS() - 120) }), 401, 'WEBHOOK_STALE'],
    [
      'signed for two minutes from now',
      () => ({ query: signedQuery(undefined, nowS() + 120) }),
      401,
      'WEBHOOK_STALE',
    ],
    ['of another app', () => ({ query: { ...signedQuery(), SdkAppid: '1400000001' } }), 403, 'SDK_APP_ID'],
    ['without an app', () => ({ query: without('SdkAppid') }), 403, 'APP_NOT_OURS'],
    ['that is not JSON', () => ({ body: '{"CallbackCommand":' }), 400, 'not JSON'],
    ['with an empty body', () => ({ body: '' }), 400, 'not JSON'],
    ['that is a list', () => ({ body: [] }), 400, 'not a JSON object'],
    [
      'with another command in the query',
      () => ({ query: signedQuery('State.StateChange') }),
      400,
      '"CallbackCommand"',
    ],
    [
      'without a command in the query',
      () => ({ query: without('CallbackCommand') }),
      400,
      '"CallbackCommand"',
    ],
    [
      'without a command in the body',
      () => ({ body: recallBody({ CallbackCommand: undefined }) }),
      400,
      '"CallbackCommand"',
    ],
    ['without a group', () => ({ body: recallBody({ GroupId: undefined }) }), 400, '"GroupId"'],
    ['without messages', () => ({ body: recallBody({ MsgSeqList: [] }) }), 400, '"MsgSeqList"'],
    [
      'of more than 256 KiB',
      () => ({ body: recallBody({ pad: 'x'.repeat(256 * 1024) }) }),
      413,
      'BODY_TOO_LARGE',
    ],
  ]
  for (const [description, call, status, names] of REFUSED) {
    it(`${description} is refused with ${status}, naming ${names}`, async () => {
      const refused = await post(call())
      expect(refused.status).to.equal(status)
      expect(refused.body).to.include({ ActionStatus: 'FAIL', ErrorCode: status })
      expect(refused.body.ErrorInfo).to.include(names)
    })
  }

  it('with a method other than POST is refused with 405 and an Allow header', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const refused = await post({ method })
      expect(refused).to.deep.include({ status: 405 })
      expect(refused.headers.get('allow')).to.equal('POST')
      expect(refused.body.ActionStatus).to.equal('FAIL')
    }
  })

  it('with a compressed body is refused without decompressing it', async () => {
    expect((await postRaw(gateway.port, 'x', { 'content-encoding': 'gzip' })).status).to.equal(400)
  })

  it('gets a response without headers that name the software', async () => {
    const { headers } = await post()
    expect(headers.get('x-powered-by')).to.equal(null)
    expect(headers.get('server')).to.equal(null)
  })

  it('never causes Sign or a token to be logged', async () => {
    await post()
    await post({ query: { ...signedQuery(), Sign: '0'.repeat(64) } })
    await post({ body: recallBody({ GroupId: {} }) })
    expect(gateway.output()).to.include('webhook refused').and.include('webhook not understood')
    expect(gateway.output()).to.not.match(/Sign=|"Sign"|test-webhook-token|eyJ/)
  })
})

/** Posts with exactly these headers, which `fetch` does not allow. */
function postRaw(
  port: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const path = `/webhook?${new URLSearchParams(signedQuery()).toString()}`
    const call = request({
      port,
      path,
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    call.once('error', reject).once('response', (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0 })
    })
    call.end(body)
  })
}
