import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { postDisconnect } from '../support/disconnect.ts'
import {
  APP,
  JWT_SECRET,
  runGateway,
  startGatewayProcess,
  WEBHOOK_TOKEN,
} from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get, openStream } from '../support/http-api.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, signedQuery } from '../support/webhook.ts'

/** As the provider tells of a recall outside of groups, and the room that it belongs to. Ids differ from test to test. */
const KINDS = {
  'a conversation of two': (id: string) => ({
    room: { c2c: [`alice-${id}`, `bob-${id}`] as const },
    otherOrder: { c2c: [`bob-${id}`, `alice-${id}`] as const },
    query: `c2c=bob-${id}&c2c=alice-${id}`,
    others: [{ c2c: [`alice-${id}`, `carol-${id}`] }, { official: `alice-${id}` }, { group: `alice-${id}` }],
    body: (key: string) => ({
      CallbackCommand: 'C2C.CallbackAfterMsgWithDraw',
      From_Account: `bob-${id}`,
      To_Account: `alice-${id}`,
      MsgKey: key,
      EventTime: 1670574414123,
    }),
  }),
  'an official account': (id: string) => ({
    room: { official: `news-${id}` },
    otherOrder: { official: `news-${id}` },
    query: `official=news-${id}`,
    others: [{ official: `news-${id}-2` }, { group: `news-${id}` }, { c2c: [`news-${id}`, `news-${id}`] }],
    body: (key: string) => ({
      CallbackCommand: 'OfficialAccount.CallbackAfterMsgWithDraw',
      Official_Account: `news-${id}`,
      WithdrawMsgList: [{ MsgKey: key }],
      EventTime: 1670574414123,
    }),
  }),
}

let tests = 0

describe('recalls outside of groups', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  before(async () => (gateway = await startGatewayProcess({ TEST_RECALLS: 'on' })))
  after(() => gateway.stop())

  const open = async (token: string): Promise<Client> => {
    const client = await connect(gateway.url, token)
    onCleanUp(client.close)
    return client
  }
  const post = async (body: { readonly CallbackCommand: string }) => {
    const response = await postWebhook(gateway.url, { query: signedQuery(body.CallbackCommand), body })
    expect(response).to.deep.include({
      status: 200,
      body: { ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0 },
    })
  }

  const run = async (parameters: readonly string[]): Promise<string> => {
    const settings = { SDK_APP_ID: APP, WEBHOOK_TOKEN, JWT_SECRET }
    const { child, exited, output } = runGateway(parameters, settings)
    onCleanUp(() => child.kill('SIGKILL'))
    await exited
    return output()
  }

  for (const [kind, about] of Object.entries(KINDS))
    describe(`in ${kind}`, () => {
      let id: string
      let setting: ReturnType<(typeof KINDS)[keyof typeof KINDS]>
      let member: string
      beforeEach(async () => {
        id = String(++tests)
        setting = about(id)
        member = await makeToken({ sub: `reader-${id}`, rooms: [setting.otherOrder] })
      })
      const recall = (key: string) => post(setting.body(key))

      it('reach whoever is granted it, by a socket, a stream and a request, and the feed', async () => {
        const { room, otherOrder, query } = setting
        const [reader, admin] = [await open(member), await open(await adminToken())]
        const { room: entered } = await reader.subscribe({ ...otherOrder })
        expect(entered).to.deep.equal(room)
        await admin.subscribe({ feed: true })
        const stream = await openStream(gateway.url, query, member)
        onCleanUp(stream.close)
        await stream.first('subscribed')

        await recall('1_2_3')
        const notice = { ...room, messages: [{ key: '1_2_3' }], recalledAtMs: 1670574414123 }
        const [told] = await reader.count(1)
        expect(told?.room).to.deep.equal(room)
        expect(told?.notice).to.deep.equal({ ...notice, offset: 1 })
        const event = await stream.first('messages-recalled')
        expect(event?.data).to.deep.include({ room, notices: [{ ...notice, offset: 1 }] })
        const { body } = await get(gateway.url, `/v1/notices?${query}`, member)
        expect(body).to.deep.include({ room, notices: [{ ...notice, offset: 1 }] })
        const [toAdmin] = await admin.count(1)
        expect(toAdmin?.notice).to.deep.include(notice)
      })

      it('are remembered by key, however a message is called, and told once', async () => {
        const keys = ['ended', 'dropped', '1', '1,2&keys=3', `k${'é'.repeat(127)}`]
        const client = await open(member)
        await client.subscribe(setting.room)
        for (const key of [...keys, ...keys]) await recall(key)
        await client.count(keys.length)
        const response = await client.request({ ...setting.otherOrder, keys: [...keys, '2'] }, 'recalled')
        const recalled = keys.map((key) => ({ key, atMs: 1670574414123 }))
        expect(response).to.deep.equal({ ok: true, recalled })
        const asked = [...keys, '2'].map((key) => `keys=${encodeURIComponent(key)}`).join('&')
        const { body } = await get(gateway.url, `/v1/recalled?${setting.query}&${asked}`, member)
        expect(body).to.deep.equal({ ok: true, recalled })
      })

      it('are told to an app by the client, which resumes and looks up keys', async () => {
        const { room } = setting
        await recall('before')
        const client = createRecallClient({ url: gateway.url, getToken: () => member })
        onCleanUp(() => client.close())
        const keys: string[] = []
        client.subscribe<typeof room>(
          room,
          ({ messages }) => void keys.push(...messages.map(({ key }) => key)),
        )
        await waitUntil('it is live', () => client.state.kind === 'live')
        await recall('after')
        await waitUntil('it is told', () => keys.length === 1)
        expect(keys).to.deep.equal(['after'])
        // More than one request can hold.
        const asked = Array.from({ length: 1_200 }, (_, i) => `${4_294_967_295 - i}_4294967295_1670574414`)
        const found = await client.recalled<typeof room>(room, [...asked, 'before', 'after'])
        expect(found.map(({ key }) => key)).to.deep.equal(['before', 'after'])
        expect(await client.isRecalled<typeof room>(room, 'never')).to.equal(false)
      })

      it('are not for those who are granted something else of the same name', async () => {
        for (const other of setting.others) {
          const client = await open(await makeToken({ sub: `other-${id}`, rooms: [other] }))
          expect(await client.request(setting.room)).to.include({ ok: false, code: 'ROOM_REFUSED' })
          expect(await client.request({ ...setting.room, keys: ['1'] }, 'recalled')).to.include({
            code: 'ROOM_REFUSED',
          })
        }
      })

      it('end for a user to whom an admin revokes them, and for nobody else', async () => {
        const client = await open(member)
        const other = await open(await makeToken({ sub: `else-${id}`, rooms: [setting.room] }))
        await client.subscribe(setting.room)
        await other.subscribe(setting.room)
        const revoked = { userId: `reader-${id}`, ...setting.otherOrder }
        expect(await postDisconnect(gateway.url, await adminToken(), revoked)).to.include({ status: 200 })
        await waitUntil('the room ends', () => client.unsubscribed.length > 0)
        expect(client.unsubscribed[0]).to.deep.include({ room: setting.room, code: 'ROOM_REFUSED' })
        await recall('1')
        await other.count(1)
        expect(client.received).to.be.empty
        expect(other.unsubscribed).to.be.empty
      })

      it('do not end with a group of the same name', async () => {
        const client = await open(member)
        await client.subscribe(setting.room)
        await recall('1')
        const name = setting.query.split('=').at(-1)
        const ended = { CallbackCommand: 'Group.CallbackAfterGroupDestroyed', GroupId: name }
        await post({ ...ended, CallbackCommand: ended.CallbackCommand })
        await recall('1')
        await recall('2')
        await client.count(2)
        expect(client.gaps).to.be.empty
        const response = await client.request({ ...setting.room, keys: ['1', '2'] }, 'recalled')
        expect(response).to.have.property('recalled').with.lengthOf(2)
      })

      it('are tested by an admin, and by the command line', async () => {
        const client = await open(member)
        await client.subscribe(setting.room)
        const response = await fetch(`${gateway.url}/v1/test-recall`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${await adminToken()}` },
          body: JSON.stringify({ ...setting.otherOrder, keys: ['tested'] }),
        })
        expect(await response.json()).to.deep.equal({ ok: true, positions: [], throughReceiver: true })
        const names =
          'c2c' in setting.room
            ? ['--from', setting.room.c2c[1], '--to', setting.room.c2c[0]]
            : ['--official', setting.room.official]
        const sent = await run(['send', ...names, '--key', 'sent,1', '--url', `${gateway.url}/webhook`])
        expect(sent).to.include('200 {"ActionStatus":"OK"')
        await client.count(2)
        const told = client.received.map(({ notice }) => notice.messages)
        expect(told).to.deep.equal([[{ key: 'tested' }], [{ key: 'sent,1' }]])
      })

      it('are asked for in one way only', async () => {
        const client = await open(member)
        const refused = (payload: unknown, event?: 'recalled') => client.request(payload, event)
        for (const more of [{ group: 'g' }, { topic: 't' }, { feed: true }])
          expect(await refused({ ...setting.room, ...more })).to.include({ code: 'REQUEST_MALFORMED' })
        for (const names of [{}, { seqs: [1] }, { keys: [] }, { keys: [1] }, { keys: ['1'], seqs: [1] }])
          expect(await refused({ ...setting.room, ...names }, 'recalled')).to.include({
            code: 'REQUEST_MALFORMED',
          })
        expect(await refused({ group: 'g', keys: ['1'] }, 'recalled')).to.include({
          code: 'REQUEST_MALFORMED',
        })
      })
    })

  it('of two users reach both without a grant, and nobody else', async () => {
    const room = { c2c: ['ann', 'ben'] as const }
    for (const sub of ['ann', 'ben']) {
      const client = await open(await makeToken({ sub }))
      expect(await client.subscribe({ c2c: ['ben', 'ann'] })).to.deep.include({ room })
    }
    const other = await open(await makeToken({ sub: 'cid' }))
    expect(await other.request(room)).to.deep.equal({
      ok: false,
      code: 'ROOM_REFUSED',
      message: 'no access to this room: it is for the two users of the conversation',
      retry: false,
    })
    const { status } = await get(gateway.url, '/v1/notices?c2c=ann&c2c=ben', await makeToken({ sub: 'cid' }))
    expect(status).to.equal(403)
  })

  it('are granted by tokens of the command line', async () => {
    const token = await run(['token', '--sub', 'u', '--c2c', 'zoe,yan', '--official', 'o', '--group', 'g'])
    const client = await open(token.trim())
    for (const room of [{ c2c: ['yan', 'zoe'] }, { official: 'o' }, { group: 'g' }] as const)
      expect(await client.subscribe(room)).to.deep.include({ room })
    expect(await run(['token', '--sub', 'u', '--c2c', 'zoe'])).to.include('--c2c must be two users')
    expect(await run(['token', '--sub', 'u', '--official', ''])).to.include('must be printable text')
    for (const [named, ...parameters] of [
      ['name one conversation'],
      ['name one conversation', '--group', 'g', '--official', 'o'],
      ['belong together', '--from', 'a'],
      ['one message at a time', '--from', 'a', '--to', 'b', '--key', '1', '--key', '2'],
      ['use --seqs', '--group', 'g', '--key', '1'],
      ['--topic needs --group', '--official', 'o', '--topic', 't'],
      ['--body needs --command', '--group', 'g', '--body', '{}'],
      ['--group would have no effect with --command', '--group', 'g', '--command', 'C'],
      ['--seqs are for recalls in a --group', '--official', 'o', '--seqs', '1'],
      ['--messages counts from', '--group', 'g', '--seqs', '1,5', '--messages', '2'],
    ] as const)
      expect(await run(['send', ...parameters]), parameters.join(' ')).to.include(named)
  })

  it('are named by exactly two users, whose order does not matter', async () => {
    const admin = await adminToken()
    const read = async (query: string) => (await get(gateway.url, `/v1/position?${query}`, admin)).body
    expect(await read('c2c=b&c2c=a')).to.deep.include({ ok: true, room: { c2c: ['a', 'b'] } })
    expect(await read('c2c=a&c2c=a')).to.deep.include({ ok: true, room: { c2c: ['a', 'a'] } })
    for (const query of ['c2c=a', 'c2c=a&c2c=b&c2c=c', 'c2c=a&c2c=', 'c2c=a&c2c=b&group=g', 'c2c=a,b'])
      expect(await read(query), query).to.include({ code: 'REQUEST_MALFORMED' })
    expect(await read('official=a&official=b')).to.include({
      message: 'the request has an unexpected format: a parameter appears twice',
    })
    const client = await open(admin)
    for (const c2c of [['a'], ['a', 'b', 'c'], ['a', ''], ['a', 7], 'ab', { 0: 'a', 1: 'b', length: 2 }])
      expect(await client.request({ c2c })).to.include({ code: 'REQUEST_MALFORMED' })
  })
})
