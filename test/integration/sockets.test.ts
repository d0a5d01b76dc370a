import { expect } from 'chai'
import { SignJWT } from 'jose'
import { adminToken, connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startGatewayProcess, JWT_SECRET } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

let groups = 0

describe('sockets', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  /** A group that no other test uses. */
  let group: string
  before(async () => (gateway = await startGatewayProcess()))
  after(() => gateway.stop())
  beforeEach(() => (group = `group-${++groups}`))

  const open = async (token: Promise<string> | string = adminToken(), options = {}): Promise<Client> => {
    const client = await connect(gateway.url, await token, options)
    onCleanUp(client.close)
    return client
  }
  const recall = async (...seqs: number[]) => {
    for (const seq of seqs) {
      const { status } = await postWebhook(gateway.url, {
        body: recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] }),
      })
      expect(status).to.equal(200)
    }
  }

  describe('handshake', () => {
    const refusalOf = async (token?: string): Promise<unknown> =>
      connect(gateway.url, token).then(
        () => 'connected',
        (error: { data?: unknown }) => error.data,
      )
    const REFUSED = { code: 'TOKEN_REFUSED', retry: false }

    it('requires a token', async () => {
      expect(await refusalOf()).to.deep.equal(REFUSED)
      expect(await refusalOf('')).to.deep.equal(REFUSED)
      expect(await refusalOf('nonsense')).to.deep.equal(REFUSED)
    })

    it('refuses a token of another secret, an expired one, and one without expiry', async () => {
      expect(await refusalOf(await makeToken({}, 'x'.repeat(32)))).to.deep.equal(REFUSED)
      expect(await refusalOf(await makeToken({ ttlS: -10 }))).to.deep.equal({
        code: 'TOKEN_EXPIRED',
        retry: true,
      })
      const key = new TextEncoder().encode(JWT_SECRET)
      const endless = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setSubject('u').sign(key)
      expect(await refusalOf(endless)).to.deep.equal(REFUSED)
    })

    it('refuses a token without a signature or with another algorithm', async () => {
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const claims = { sub: 'u', role: 'admin', exp: Math.floor(Date.now() / 1_000) + 600 }
      expect(await refusalOf(`${encode({ alg: 'none' })}.${encode(claims)}.`)).to.deep.equal(REFUSED)
      const key = new TextEncoder().encode(JWT_SECRET)
      expect(
        await refusalOf(await new SignJWT(claims).setProtectedHeader({ alg: 'HS512' }).sign(key)),
      ).to.deep.equal(REFUSED)
    })

    it('refuses malformed claims', async () => {
      expect(await refusalOf(await makeToken({ sub: '' }))).to.deep.equal(REFUSED)
      expect(await refusalOf(await makeToken({ rooms: 'all' }))).to.deep.equal(REFUSED)
      expect(await refusalOf(await makeToken({ rooms: [{}] }))).to.deep.equal(REFUSED)
      expect(await refusalOf(await makeToken({ sub: 'a\nb' }))).to.deep.equal(REFUSED)
    })

    it('refuses long-polling', async () => {
      expect((await fetch(`${gateway.url}/socket.io/?EIO=4&transport=polling`)).status).to.equal(400)
    })
  })

  describe('rooms', () => {
    it('deliver to a member what the token grants, without the fields that only admins may see', async () => {
      const member = await open(makeToken({ rooms: [{ group }] }))
      const admin = await open()
      await member.subscribe({ group })
      await admin.subscribe({ group })
      await recall(130)
      const [asMember] = await member.count(1)
      expect(asMember?.notice).to.deep.equal({
        offset: 1,
        group,
        messages: [{ seq: 130 }],
        recalledAtMs: 1670574414123,
      })
      const [asAdmin] = await admin.count(1)
      expect(asAdmin?.notice).to.include({
        operator: 'admin',
        platform: 'iOS',
        address: '203.0.113.7',
        groupType: 'Public',
      })
    })

    it('are refused to a member without a grant, and none of their notices arrive', async () => {
      const member = await open(makeToken({ rooms: [{ group: `${group}-own` }, { group, topic: 't' }] }))
      for (const room of [{ group }, { group, topic: 'u' }, { feed: true }, { group: 'feed' }]) {
        expect(await member.request(room), JSON.stringify(room)).to.include({
          ok: false,
          code: 'ROOM_REFUSED',
          retry: false,
        })
      }
      await member.subscribe({ group: `${group}-own` })
      await recall(130)
      group += '-own'
      await recall(131)
      await member.count(1)
      expect(member.seqs()).to.deep.equal([131])
    })

    it('are refused for a malformed request, naming the invalid field', async () => {
      const client = await open()
      const malformed: [unknown, string][] = [
        [undefined, 'request'],
        [{}, 'group'],
        ['feed', 'request'],
        [{ group: '' }, 'group'],
        [{ group: 5 }, 'group'],
        [{ group, topci: 't' }, 'topci'],
        [{ topic: 't' }, 'group'],
        [{ feed: false }, 'feed'],
        [{ feed: true, group }, 'feed'],
        [{ group, since: { epoch: 'e' } }, 'since.offset'],
        [{ group, since: { epoch: 'e', offset: -1 } }, 'since.offset'],
        [{ group, since: 5 }, 'since'],
      ]
      for (const [payload, name] of malformed) {
        const response = await client.request(payload)
        expect(response, JSON.stringify(payload)).to.include({ ok: false, code: 'REQUEST_MALFORMED' })
        expect('message' in response && response.message, JSON.stringify(payload)).to.include(name)
      }
    })

    it('survive requests without a callback, and with anything in its place', async () => {
      const client = await open()
      client.socket.emit('subscribe', { group } as never, 'no function' as never)
      client.socket.emit('unsubscribe', null as never, undefined as never)
      client.socket.emit('subscribe', undefined as never, { no: 1 } as never)
      await client.subscribe({ group })
      await recall(1)
      await client.count(1)
    })

    it('deliver once to a socket that subscribed twice, and nothing after unsubscribe', async () => {
      const [client, witness] = [await open(), await open()]
      await witness.subscribe({ group })
      await client.subscribe({ group })
      await client.subscribe({ group })
      await recall(1)
      await client.count(1)
      expect(await client.request({ group }, 'unsubscribe')).to.deep.equal({ ok: true })
      await recall(2)
      await witness.count(2)
      await client.request({ group }, 'unsubscribe')
      expect(client.seqs()).to.deep.equal([1])
    })

    it('batch a burst into few frames, in order', async () => {
      const client = await open()
      await client.subscribe({ group })
      let frames = 0
      client.socket.on('messages-recalled', () => frames++)
      const posts = Array.from({ length: 60 }, (_, i) => recall(i + 1))
      await Promise.all(posts)
      await client.count(60)
      expect(client.received.map(({ notice }) => notice.offset)).to.deep.equal(
        Array.from({ length: 60 }, (_, i) => i + 1),
      )
      expect(frames).to.be.below(45)
    })
  })

  describe('resume', () => {
    it('returns a position before the first notice, and resumes from it', async () => {
      const first = await open()
      const { position, recovered } = await first.subscribe({ group })
      expect({ offset: position.offset, recovered }).to.deep.equal({ offset: 0, recovered: 0 })
      first.close()
      await recall(1, 2)
      const second = await open()
      expect(await second.subscribe({ group, since: position })).to.deep.include({
        recovered: 2,
        position: { ...position, offset: 2 },
      })
      await second.count(2)
      expect(second.seqs()).to.deep.equal([1, 2])
    })

    it('delivers nothing if nothing was missed', async () => {
      const client = await open()
      await client.subscribe({ group })
      await recall(1)
      await client.count(1)
      const resumed = await open()
      expect(await resumed.subscribe({ group, since: client.position() }))
        .to.include({ recovered: 0 })
        .and.not.have.property('gap')
      await recall(2)
      await resumed.count(1)
      expect(resumed.seqs()).to.deep.equal([2])
    })

    it('delivers missed notices first, more than one page of them, then live ones', async () => {
      const client = await open()
      const { position } = await client.subscribe({ group })
      client.close()
      for (let i = 0; i < 450; i += 50)
        await Promise.all(Array.from({ length: 50 }, (_, j) => recall(i + j + 1)))
      const resumed = await open()
      expect(await resumed.subscribe({ group, since: position })).to.include({ recovered: 450 })
      await recall(451)
      await resumed.count(451)
      expect(resumed.received.map(({ notice }) => notice.offset)).to.deep.equal(
        Array.from({ length: 451 }, (_, i) => i + 1),
      )
    })

    it('loses and duplicates nothing while the room receives recalls continuously', async () => {
      let stop = false
      let sent = 0
      const [first] = [await open()]
      const { position } = await first.subscribe({ group })
      const load = (async () => {
        while (!stop) await recall(++sent)
      })()
      for (let round = 0; round < 15; round++) {
        const client = await open()
        await client.subscribe({ group, since: position })
        const goal = sent + 10
        await waitUntil('more notices', () => client.received.length >= goal)
        expect(client.received.map(({ notice }) => notice.offset)).to.deep.equal(
          client.received.map((_, i) => i + 1),
        )
        client.close()
      }
      stop = true
      await load
      await first.count(sent)
      expect(first.received.map(({ notice }) => notice.offset)).to.deep.equal(
        first.received.map((_, i) => i + 1),
      )
    })

    it('returns a gap with its reason, and then all that the log has', async () => {
      await recall(1, 2)
      const client = await open()
      const { position } = await client.subscribe({ group })
      const gap = { ok: true, recovered: 2, gap: 'epoch-changed', position: { ...position, offset: 0 } }
      expect(await client.request({ group, since: { epoch: 'another', offset: 1 } })).to.deep.include(gap)
      expect(await client.request({ group, since: { ...position, offset: 99 } })).to.deep.include(gap)
      await recall(3)
      await client.count(5)
      expect(client.seqs()).to.deep.equal([1, 2, 1, 2, 3])
    })
  })

  describe('recalled', () => {
    it('returns exactly the recalled messages of the conversation, with their times', async () => {
      await recall(3, 5)
      const member = await open(makeToken({ rooms: [{ group }] }))
      const response = await member.request({ group, seqs: [5, 4, 3] }, 'recalled')
      const atMs = 1670574414123
      expect(response).to.deep.equal({
        ok: true,
        recalled: [
          { seq: 5, atMs },
          { seq: 3, atMs },
        ],
      })
      expect(await member.request({ group, topic: 't', seqs: [5] }, 'recalled')).to.deep.equal({
        ok: true,
        recalled: [],
      })
    })

    it('is refused without access to the room, and for a malformed request', async () => {
      const member = await open(makeToken({ rooms: [{ group: 'other' }] }))
      expect(await member.request({ group, seqs: [5] }, 'recalled')).to.include({ code: 'ROOM_REFUSED' })
      for (const seqs of [undefined, [], [0], ['5'], [1.5], Array.from({ length: 1_001 }, (_, i) => i + 1)]) {
        expect(await member.request({ group: 'other', seqs }, 'recalled')).to.include({
          code: 'REQUEST_MALFORMED',
        })
      }
    })
  })
})
