import { expect } from 'chai'
import { adminToken, connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get, openStream } from '../support/http-api.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

let users = 0

describe('access granted by a credential', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  /** A user and a group that no other test uses. */
  let sub: string
  let group: string
  before(async () => (gateway = await startGatewayProcess()))
  after(() => gateway.stop())
  beforeEach(() => {
    sub = `user-${++users}`
    group = `group-${users}`
  })

  const open = async (token: Promise<string>): Promise<Client> => {
    const client = await connect(gateway.url, await token)
    onCleanUp(client.close)
    return client
  }
  const closed = (client: Client) =>
    withTimeout(
      'the socket closes',
      new Promise<string>((resolve) => client.socket.once('disconnect', resolve)),
    )
  const recall = async (seq: number) => {
    const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
  }

  it('ends when it expires, after a goodbye', async () => {
    const client = await open(makeToken({ sub, rooms: [{ group }], ttlS: 6 }))
    const gone = closed(client)
    await client.subscribe({ group })
    expect(await gone).to.equal('transport close')
    expect(client.goodbyes).to.deep.equal([
      { code: 4002, reason: 'the credential has expired; reconnect with a new one' },
    ])
    // No `unsubscribed` is sent for rooms that end with the credential.
    expect(client.unsubscribed).to.be.empty
  })

  it('continues with a new one on the same connection', async () => {
    const client = await open(makeToken({ sub, rooms: [{ group }], ttlS: 6 }))
    await client.subscribe({ group })
    const token = await makeToken({ sub, rooms: [{ group }], ttlS: 600 })
    const response = await client.request({ token }, 'refresh')
    expect(response.ok && 'expiresAtMs' in response && response.expiresAtMs).to.be.above(Date.now() + 500_000)
    const endedAtMs = Date.now() + 6_500
    await waitUntil('the first one has expired', () => Date.now() > endedAtMs)
    await recall(1)
    await client.count(1)
    expect(client.goodbyes).to.be.empty
    expect(client.unsubscribed).to.be.empty
  })

  it('is not extended by one of another user or role, or by an invalid one', async () => {
    const client = await open(makeToken({ sub, rooms: [{ group }] }))
    await client.subscribe({ group })
    for (const [code, token] of [
      ['TOKEN_REFUSED', await makeToken({ sub: 'another', rooms: [{ group }] })],
      ['TOKEN_REFUSED', await makeToken({ sub, role: 'admin' })],
      ['TOKEN_EXPIRED', await makeToken({ sub, ttlS: -10 })],
      ['TOKEN_REFUSED', 'nonsense'],
    ] as const) {
      expect(await client.request({ token }, 'refresh')).to.include({ ok: false, code })
    }
    await recall(1)
    await client.count(1)
  })

  it('ends for rooms that a new one does not grant', async () => {
    const other = `${group}-other`
    const client = await open(makeToken({ sub, rooms: [{ group }, { group: other }] }))
    await client.subscribe({ group })
    await client.subscribe({ group: other })
    await client.request({ token: await makeToken({ sub, rooms: [{ group: other }] }) }, 'refresh')
    await waitUntil('the room ends', () => client.unsubscribed.length > 0)
    expect(client.unsubscribed).to.deep.equal([
      { room: { group }, code: 'ROOM_REFUSED', message: 'no access to this room', retry: false },
    ])
    await recall(1)
    expect(await client.request({ group })).to.include({ ok: false, code: 'ROOM_REFUSED' })
    expect(client.received).to.be.empty
  })

  describe('and revoked by an admin', () => {
    it('requires an admin token and a user', async () => {
      const request = { userId: sub }
      const member = await makeToken({ sub, rooms: [{ group }] })
      expect(await postDisconnect(gateway.url, undefined, request)).to.include({ status: 401 })
      expect(await postDisconnect(gateway.url, 'nonsense', request)).to.include({ status: 401 })
      expect(await postDisconnect(gateway.url, member, request)).to.include({
        status: 403,
        code: 'ADMIN_NEEDED',
      })
      const admin = await adminToken()
      for (const malformed of [
        {},
        { userId: 1 },
        { userId: sub, topic: 't' },
        { userId: sub, forS: 0 },
        '{',
        '[]',
        'x'.repeat(5_000),
      ])
        expect(await postDisconnect(gateway.url, admin, malformed)).to.include({
          status: 400,
          code: 'REQUEST_MALFORMED',
        })
    })

    it('entirely: every socket of the user is disconnected, and may reconnect when the time is over', async () => {
      const token = makeToken({ sub, rooms: [{ group }] })
      const [one, two, another] = [
        await open(token),
        await open(token),
        await open(makeToken({ sub: 'else' })),
      ]
      const disconnects = Promise.all([closed(one), closed(two)])
      expect(await postDisconnect(gateway.url, await adminToken(), { userId: sub, forS: 5 })).to.include({
        status: 200,
      })
      expect(await disconnects).to.deep.equal(['transport close', 'transport close'])
      expect(one.goodbyes).to.deep.equal([{ code: 4500, reason: 'an admin has disconnected this user' }])
      const refused = (await connect(gateway.url, await token).catch((error: unknown) => error)) as {
        data?: unknown
      }
      expect(refused.data).to.deep.equal({ code: 'USER_DISCONNECTED', retry: false })
      expect(another.socket.connected).to.equal(true)
      await waitUntil('the revocation has expired', () =>
        open(token).then(
          () => true,
          () => false,
        ),
      )
    })

    it('for a room: sockets are unsubscribed, and receive nothing more from it, not even by resuming', async () => {
      const client = await open(makeToken({ sub, rooms: [{ group }] }))
      const { position } = await client.subscribe({ group })
      await client.subscribe({ group, topic: 't' })
      await postDisconnect(gateway.url, await adminToken(), { userId: sub, group })
      await waitUntil('the rooms end', () => client.unsubscribed.length === 2)
      await recall(1)
      expect(await client.request({ group, since: position })).to.include({ ok: false, code: 'ROOM_REFUSED' })
      expect(await client.request({ group, seqs: [1] }, 'recalled')).to.include({
        ok: false,
        code: 'ROOM_REFUSED',
      })
      const again = await open(makeToken({ sub, rooms: [{ group }] }))
      expect(await again.request({ group, since: position })).to.include({ ok: false, code: 'ROOM_REFUSED' })
      expect(client.received).to.be.empty
    })

    it('for a topic: nothing of it arrives through the room of its group, live, over HTTP or in a stream', async () => {
      const topic = 't'
      const token = await makeToken({ sub, rooms: [{ group }] })
      const client = await open(Promise.resolve(token))
      await client.subscribe({ group })
      await client.subscribe({ group, topic: 'other' })
      const stream = await openStream(gateway.url, `group=${encodeURIComponent(group)}`, token)
      onCleanUp(stream.close)
      await stream.first('subscribed')
      await postDisconnect(gateway.url, await adminToken(), { userId: sub, group, topic, forS: 60 })
      // A shorter order does not shorten it.
      await postDisconnect(gateway.url, await adminToken(), { userId: sub, group, topic, forS: 1 })
      await waitUntil('the room of the group ends', () => client.unsubscribed.length > 0)
      expect(client.unsubscribed).to.have.length(1)
      expect(client.unsubscribed[0]).to.deep.include({ room: { group }, code: 'ROOM_REFUSED', retry: false })
      expect((await stream.first('unsubscribed')).data).to.include({ code: 'ROOM_REFUSED', retry: false })
      const secret = recallBody({ GroupId: group, TopicId: topic, MsgSeqList: [{ MsgSeq: 1 }] })
      expect((await postWebhook(gateway.url, { body: secret })).status).to.equal(200)
      const allowed = recallBody({ GroupId: group, TopicId: 'other', MsgSeqList: [{ MsgSeq: 2 }] })
      expect((await postWebhook(gateway.url, { body: allowed })).status).to.equal(200)
      await client.count(1)
      expect(client.seqs()).to.deep.equal([2])
      expect(stream.seqs()).to.be.empty
      for (const path of ['notices', 'position', 'stream']) {
        const refused = await get(gateway.url, `/v1/${path}?group=${encodeURIComponent(group)}`, token)
        expect(refused.body, path).to.include({ code: 'ROOM_REFUSED', retry: false })
      }
      const endedAtMs = Date.now() + 1_500
      await waitUntil('the shorter order has ended', () => Date.now() > endedAtMs)
      expect(await client.request({ group })).to.include({ ok: false, code: 'ROOM_REFUSED' })
      expect(await client.request({ group, topic })).to.include({ ok: false, code: 'ROOM_REFUSED' })
    })
  })
})
