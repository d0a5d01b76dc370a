import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get, openStream } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { readMetric } from '../support/read-metric.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('the HTTP API', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  let admin: string
  let member: string
  beforeEach(async () => {
    gateway = await startGatewayProcess({ CORS_ORIGINS: 'https://app.example' })
    onCleanUp(gateway.stop)
    admin = await adminToken()
    member = await makeToken({ rooms: [{ group: 'g' }] })
  })
  const read = (path: string, token = admin, headers = {}) => get(gateway.url, path, token, headers)
  const recall = async (seq: number, group = 'g', url = gateway.url) => {
    const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }], EventTime: Date.now() })
    expect((await postWebhook(url, { body })).status).to.equal(200)
  }
  const stream = async (query: string, token = admin, headers = {}) => {
    const opened = await openStream(gateway.url, query, token, headers)
    onCleanUp(opened.close)
    return opened
  }
  const offsets = (body: Record<string, unknown>) =>
    (body['notices'] as { offset: number }[]).map(({ offset }) => offset)

  it('grants access to the same users and rooms as the sockets do', async () => {
    await recall(1)
    const ended = await makeToken({ rooms: [{ group: 'g' }], ttlS: -1 })
    for (const path of ['position', 'notices', 'stream']) {
      const of = (query: string, token?: string) => get(gateway.url, `/v1/${path}?${query}`, token)
      expect((await of('group=g')).body).to.include({ code: 'TOKEN_REFUSED' })
      expect((await of('group=g', 'wrong')).status).to.equal(401)
      expect(await of('group=g', ended))
        .to.deep.include({ status: 401 })
        .and.have.nested.property('body.code', 'TOKEN_EXPIRED')
      expect((await of('group=other', member)).body).to.include({ code: 'ROOM_REFUSED' })
      expect((await of('feed=true', member)).status).to.equal(403)
    }
    expect((await read('/v1/recalled?group=other&seqs=1', member)).status).to.equal(403)
    expect((await read('/v1/position?group=g', member)).status).to.equal(200)
    expect((await read('/v1/notices?feed=true')).status).to.equal(200)
  })

  it('refuses users whom an admin has disconnected', async () => {
    await postDisconnect(gateway.url, admin, { userId: 'user-1', group: 'g' })
    await waitUntil(
      'the revocation takes effect',
      async () => (await read('/v1/position?group=g', member)).status === 403,
    )
    await postDisconnect(gateway.url, admin, { userId: 'user-1' })
    await waitUntil('the revocation takes effect', async () => {
      const { body } = await read('/v1/position?group=g', member)
      return body['code'] === 'USER_DISCONNECTED'
    })
  })

  it('returns notices since a position, before an offset, received since a time, or the latest', async () => {
    const { body: before } = await read('/v1/position?group=g')
    const { epoch, offset } = before['position'] as { epoch: string; offset: number }
    expect(offset).to.equal(0)
    for (const seq of upTo(3)) await recall(seq)
    const sinceMs = await waitUntil('the current time', () => Date.now())
    await waitUntil('a millisecond has passed', () => Date.now() > sinceMs)
    for (const seq of [4, 5]) await recall(seq)
    const of = async (query: string) => (await read(`/v1/notices?group=g&${query}`)).body

    const first = await of(`since=${epoch}:0&limit=2`)
    expect(offsets(first)).to.deep.equal([1, 2])
    expect(first).to.deep.include({ more: true, position: { epoch, offset: 2 } })
    const rest = await of(`since=${epoch}:2&limit=100`)
    expect(offsets(rest)).to.deep.equal([3, 4, 5])
    expect(rest).to.deep.include({ more: false, position: { epoch, offset: 5 } })
    const latest = await of('limit=2')
    expect(offsets(latest)).to.deep.equal([4, 5])
    expect(latest).to.include({ more: false, older: true })
    const earliest = await of('before=3')
    expect(offsets(earliest)).to.deep.equal([1, 2])
    expect(earliest).to.include({ more: true, older: false })
    expect(offsets(await of(`receivedSinceMs=${sinceMs + 1}`))).to.deep.equal([4, 5])
    expect(offsets(await of('receivedSinceMs=0&limit=1'))).to.deep.equal([1])
    expect(await of('since=other:2')).to.deep.include({ notices: [], gap: 'epoch-changed' })
  })

  it('limits the size of a response, and reports that there is more', async () => {
    const MsgSeqList = upTo(1_000).map((seq) => ({
      MsgSeq: seq,
      MsgId: `144115233406643804-1700000000-${seq}`,
    }))
    for (const i of upTo(30)) {
      const body = recallBody({ GroupId: `big-${i}`, MsgSeqList, EventTime: Date.now() })
      expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
    }
    for (const query of ['', '&receivedSinceMs=0']) {
      const { body } = await read(`/v1/notices?feed=true&limit=1000${query}`)
      expect(JSON.stringify(body).length).to.be.within(900_000, 1_100_000)
      expect(body['more'] || body['older']).to.equal(true)
    }
  })

  it('accepts question marks in names', async () => {
    const { body } = await read('/v1/position?group=what?&topic=why?not')
    expect(body['room']).to.deep.equal({ group: 'what?', topic: 'why?not' })
  })

  it('does not count requests without a token as failures, so that no web page can lock out its visitors', async () => {
    // Any page can make a browser send these: an image request, a preflight.
    for (let i = 0; i < 40; i++) {
      const isPreflight = i % 2 === 0
      const preflight = isPreflight ? { method: 'OPTIONS', headers: { Origin: 'https://evil.example' } } : {}
      const { status } = await fetch(`${gateway.url}/v1/position?group=g`, preflight)
      expect(status).to.equal(isPreflight ? 403 : 401)
    }
    expect((await read('/v1/position?group=g')).status).to.equal(200)
  })

  it('tells pages of an origin that is not allowed why, and nothing else', async () => {
    const headers = { Origin: 'https://evil.example' }
    const refusals = () => readMetric(gateway.url, 'refusals_total{entrance="http",code="ORIGIN_REFUSED"}')
    const asked = await get(gateway.url, '/v1/position?group=g', undefined, headers)
    expect(asked.headers.get('access-control-allow-origin')).to.equal('*')
    expect(asked.body).to.include({ code: 'ORIGIN_REFUSED', retry: false })
    expect(asked.body['message']).to.include('https://evil.example').and.include('CORS_ORIGINS')
    // What a browser asks first on behalf of the page, for a stream as well.
    const before = await refusals()
    for (const path of ['/v1/position?group=g', '/v1/stream?group=g']) {
      const preflight = { method: 'OPTIONS', headers }
      expect((await fetch(`${gateway.url}${path}`, preflight)).status).to.equal(403)
    }
    expect(await refusals()).to.equal(before + 2)
    expect(gateway.output()).to.match(/"code":"ORIGIN_REFUSED","detail":"[^"]*https:..evil\.example/)
    // A page of the gateway itself, behind a proxy that changes the host: its browser needs no permission.
    const own = await get(gateway.url, '/v1/position?group=g', admin, headers)
    expect([own.status, own.headers.get('access-control-allow-origin')]).to.deep.equal([200, null])
  })

  it('shows members only the fields that members may see', async () => {
    await recall(1)
    const { body } = await read('/v1/notices?group=g', member)
    expect((body['notices'] as object[])[0]).to.have.all.keys('offset', 'group', 'messages', 'recalledAtMs')
    const all = (await read('/v1/notices?group=g')).body['notices'] as object[]
    expect(all[0]).to.include({ operator: 'admin' })
  })

  it('returns which messages of given ranges are recalled', async () => {
    for (const seq of [3, 5, 9]) await recall(seq)
    const { body } = await read('/v1/recalled?group=g&seqs=1,3-8', member)
    const found = body['recalled'] as { seq: number; atMs: number }[]
    expect(found.map(({ seq }) => seq)).to.deep.equal([3, 5])
  })

  it('takes a parameter or a value as missing if it is null, empty or missing', async () => {
    await recall(1)
    for (const query of ['group=g', 'group=g&topic=', 'group=g&topic=&feed=', 'group=g&feed=false']) {
      expect((await read(`/v1/position?${query}`)).body).to.deep.include({ room: { group: 'g' } })
      const { body } = await read(`/v1/notices?${query}&since=&before=&receivedSinceMs=&limit=`)
      expect(body).to.deep.include({ ok: true, room: { group: 'g' } })
    }
    expect((await read('/v1/position?feed=true&group=')).body).to.deep.include({ room: { feed: true } })
    expect((await read('/v1/recalled?group=g&topic=&seqs=1')).body)
      .to.have.property('recalled')
      .with.length(1)
    expect(offsets((await read('/v1/notices?group=g&before=0')).body)).to.be.empty
    for (const unset of [null, '', undefined]) {
      const order = { userId: 'nobody', group: 'g', topic: unset, forS: unset }
      expect(await postDisconnect(gateway.url, admin, order)).to.include({ status: 200 })
    }
    const client = await connect(gateway.url, admin)
    onCleanUp(client.close)
    for (const unset of [null, '', undefined]) {
      const room = { group: 'g', topic: unset, feed: unset }
      expect(await client.request({ ...room, since: unset })).to.deep.include({
        ok: true,
        room: { group: 'g' },
      })
      const zero = { epoch: unset, offset: 0 }
      expect(await client.request({ ...room, feed: false, since: zero })).to.include({
        ok: true,
        recovered: 0,
      })
      expect(await client.request({ group: 'g', topic: unset, seqs: [1] }, 'recalled')).to.include({
        ok: true,
      })
      expect(await client.request(room, 'unsubscribe')).to.include({ ok: true })
      for (const half of [
        { epoch: unset, offset: 5 },
        { epoch: 'e', offset: unset },
      ])
        expect(await client.request({ ...room, since: half })).to.include({ code: 'REQUEST_MALFORMED' })
    }
  })

  it('names the invalid parameter of a malformed request', async () => {
    for (const [path, names] of [
      ['position', 'group'],
      ['position?group=g&group=h', 'twice'],
      ['position?topic=t', 'group'],
      ['position?group=g&feed=true', 'group'],
      ['position?group=g&grupo=x', 'grupo'],
      [`position?group=${'x'.repeat(300)}`, 'group'],
      ['notices?group=g&limit=0', 'limit'],
      ['notices?group=g&limit=1001', 'limit'],
      ['notices?group=g&since=5', 'since'],
      ['notices?group=g&since=e:1&before=5', 'since'],
      ['recalled?group=g', 'seqs'],
      ['recalled?group=g&seqs=5-1', 'seqs'],
      ['recalled?group=g&seqs=0', 'seqs'],
      ['recalled?group=g&seqs=1-1001', 'seqs'],
      ['recalled?group=g&seqs=1,,2', 'seqs'],
      ['recalled?feed=true&seqs=1', 'group'],
      ['stream?group=g&since=x', 'since'],
    ] as const) {
      const { status, body } = await read(`/v1/${path}`)
      expect([path, status, body['code']]).to.deep.equal([path, 400, 'REQUEST_MALFORMED'])
      expect(body['message'], path).to.include(names)
    }
    expect((await read('/v1/stream?group=g', admin, { 'Last-Event-ID': 'x' })).status).to.equal(400)
  })

  it('allows pages of the configured origins only', async () => {
    const { headers } = await read('/v1/position?group=g', admin, { Origin: 'https://app.example' })
    expect(headers.get('access-control-allow-origin')).to.equal('https://app.example')
    expect(headers.get('access-control-expose-headers')).to.equal('Retry-After')
    const other = await read('/v1/position?group=g', admin, { Origin: 'https://evil.example' })
    expect(other.headers.get('access-control-allow-origin')).to.equal(null)
    const preflight = await fetch(`${gateway.url}/v1/position`, {
      method: 'OPTIONS',
      headers: { Origin: 'https://app.example', 'Access-Control-Request-Headers': 'authorization' },
    })
    expect(preflight.status).to.equal(204)
    expect(preflight.headers.get('access-control-allow-headers')?.split(', ')).to.include.members([
      'Authorization',
      'Last-Event-ID',
      // Libraries send these unasked.
      'Cache-Control',
      'X-Requested-With',
    ])
  })

  it('limits the request rate of each user separately', async () => {
    const responses = await Promise.all(upTo(1_050).map(() => read('/v1/position?group=g', member)))
    const codes = responses.map(({ body }) => body['code'])
    // Fewer if a busy machine needs longer than the limit looks back.
    expect(codes.filter((code) => code === 'TOO_MANY_REQUESTS').length).to.be.within(25, 50)
    expect((await read('/v1/position?group=g')).status).to.equal(200)
  })

  it('lets admins publish test recalls, where that is enabled', async () => {
    const post = async (url: string, token: string, body: unknown) => {
      const response = await fetch(`${url}/v1/test-recall`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as { code?: string } }
    }
    expect((await post(gateway.url, admin, { group: 'g', seqs: [1] })).status).to.equal(404)
    const enabled = await startGatewayProcess({ TEST_RECALLS: 'on' })
    onCleanUp(enabled.stop)
    const client = await connect(enabled.url, admin)
    onCleanUp(client.close)
    await client.subscribe({ group: 'g', topic: 't' })
    expect((await post(enabled.url, member, { group: 'g', seqs: [1] })).body.code).to.equal('ADMIN_NEEDED')
    expect((await post(enabled.url, admin, { group: 'g', seqs: [0] })).body.code).to.equal(
      'REQUEST_MALFORMED',
    )
    expect((await post(enabled.url, admin, { group: 'g', topic: 't', seqs: [1, 2] })).status).to.equal(200)
    await client.count(1)
    expect(client.received[0]?.notice).to.deep.include({
      operator: 'admin-1',
      messages: [{ seq: 1 }, { seq: 2 }],
    })
  })

  it('shows admins how many sockets of this node have joined a room', async () => {
    const clients = await Promise.all([connect(gateway.url, admin), connect(gateway.url, member)])
    for (const client of clients) {
      onCleanUp(client.close)
      await client.subscribe({ group: 'g' })
    }
    expect((await read('/v1/position?group=g')).body).to.include({ sockets: 2 })
    expect((await read('/v1/position?group=g', member)).body).to.not.have.property('sockets')
  })

  describe('a stream', () => {
    it('delivers the notices that sockets receive, in the same order', async () => {
      const socket = await connect(gateway.url, admin)
      onCleanUp(socket.close)
      await socket.subscribe({ group: 'g' })
      const events = await stream('group=g')
      await events.first('subscribed')
      await Promise.all(upTo(200).map((seq) => recall(seq)))
      await socket.count(200)
      await waitUntil('all notices have arrived', () => events.seqs().length === 200)
      expect(events.seqs()).to.deep.equal(socket.seqs())
      const asMember = await stream('group=g', member)
      await asMember.first('subscribed')
      await recall(201)
      const { data } = await asMember.first('messages-recalled')
      expect((data['notices'] as object[])[0]).to.not.have.property('operator')
    })

    it('resumes after the last event, without a gap or an overlap', async () => {
      const { body } = await read('/v1/position?group=g')
      const { epoch } = body['position'] as { epoch: string }
      for (const seq of upTo(5)) await recall(seq)
      const first = await stream(`group=g&since=${epoch}:2`)
      expect((await first.first('subscribed')).data).to.include({ recovered: 3 })
      await waitUntil('the missed notices arrive', () => first.seqs().length === 3)
      const id = first.events.at(-1)?.id ?? ''
      first.close()
      for (const seq of [6, 7]) await recall(seq)
      const second = await stream('group=g', admin, { 'Last-Event-ID': id })
      await recall(8)
      await waitUntil('the rest arrives', () => second.seqs().length === 3)
      expect([...first.seqs(), ...second.seqs()]).to.deep.equal([3, 4, 5, 6, 7, 8])
      // Some clients send an empty id before the first event.
      const third = await stream(`group=g&since=${epoch}:7`, admin, { 'Last-Event-ID': '' })
      await waitUntil('the last notice arrives', () => third.seqs().length === 1)
      // Replacements of `EventSource` add one of these to the URL that they were given.
      for (const parameter of ['lastEventId', 'Last-Event-ID']) {
        const again = await stream(
          `group=g&since=${epoch}:1&${parameter}=${encodeURIComponent(`${epoch}:6`)}`,
        )
        expect((await again.first('subscribed')).data).to.include({ recovered: 2 })
      }
      const lost = await stream('group=g&since=other:1')
      expect((await lost.first('subscribed')).data).to.include({ gap: 'epoch-changed' })
    })

    it('ends with the credential, with the grant, and with the node, and sends the reason', async () => {
      const short = await stream('group=g', await makeToken({ rooms: [{ group: 'g' }], ttlS: 6 }))
      expect((await short.first('goodbye')).data).to.include({ code: 4002 })
      await short.ended()
      const revoked = await stream('group=g', member)
      await revoked.first('subscribed')
      await postDisconnect(gateway.url, admin, { userId: 'user-1', group: 'g' })
      expect((await revoked.first('unsubscribed')).data).to.include({ code: 'ROOM_REFUSED' })
      await revoked.ended()
      const last = await stream('feed=true')
      await last.first('subscribed')
      gateway.signal('SIGTERM')
      expect((await last.first('goodbye')).data).to.include({ code: 4000 })
      await last.ended()
      expect(await gateway.exited).to.equal(0)
    })

    it('does not count a HEAD request as a socket, although its connection stays open', async () => {
      const small = await startGatewayProcess({ MAX_SOCKETS: '1' })
      onCleanUp(small.stop)
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      onCleanUp(() => agent.destroy())
      const head = request(`${small.url}/v1/stream?group=g`, {
        method: 'HEAD',
        agent,
        headers: { Authorization: `Bearer ${admin}` },
      }).end()
      const [response] = (await once(head, 'response')) as [IncomingMessage]
      expect(response.headers['content-type']).to.equal('text/event-stream; charset=utf-8')
      response.resume()
      await waitUntil('a stream is accepted', async () => {
        const next = await openStream(small.url, 'group=g', admin)
        onCleanUp(next.close)
        return next.status === 200
      })
    })

    it('counts as a socket', async () => {
      const small = await startGatewayProcess({ MAX_SOCKETS: '1' })
      onCleanUp(small.stop)
      const only = await openStream(small.url, 'group=g', admin)
      onCleanUp(only.close)
      await only.first('subscribed')
      expect((await get(small.url, '/v1/stream?group=g', admin)).body).to.include({ code: 'NODE_FULL' })
      only.close()
      await waitUntil('a stream is accepted again', async () => {
        const next = await openStream(small.url, 'group=g', admin)
        onCleanUp(next.close)
        return next.status === 200
      })
    })
  })

  it('shows admins the status of all processes', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const settings = { REDIS_URL: redis.url, REDIS_SIGNING_KEY: 'k'.repeat(32) }
    const receiver = await startGatewayProcess({ ...settings, ROLE: 'receiver' })
    onCleanUp(receiver.stop)
    const nodes = await Promise.all([1, 2].map(() => startGatewayProcess({ ...settings, ROLE: 'node' })))
    for (const { stop } of nodes) onCleanUp(stop)
    const url = nodes[0]?.url ?? ''
    expect((await get(url, '/v1/status', member)).body).to.include({ code: 'ADMIN_NEEDED' })
    const client = await connect(nodes[1]?.url ?? '', admin)
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })
    await recall(1, 'g', receiver.url)
    await client.count(1)
    interface State {
      readonly role: string
      readonly ready: boolean
      readonly sockets: number
      readonly counts: Readonly<Record<string, number>>
      readonly latencyMs: { readonly p50: number | null }
      readonly spool?: object
    }
    const states = async () => (await get(url, '/v1/status', admin)).body['nodes'] as State[]
    const busy = await waitUntil('the heartbeat of the node arrives', async () =>
      (await states()).find(({ counts }) => counts['delivered'] === 1),
    )
    expect(busy).to.deep.include({ role: 'node', ready: true, sockets: 1 })
    expect(busy.latencyMs.p50).to.be.within(0, 5_000)
    const all = await waitUntil('all heartbeats have arrived', async () => {
      const nodeStates = await states()
      return nodeStates.find(({ counts }) => counts['kept'] === 1) && nodeStates
    })
    expect(all.map(({ role }) => role).toSorted()).to.deep.equal(['node', 'node', 'receiver'])
    expect(all.find(({ role }) => role === 'receiver')?.spool).to.deep.include({ recalls: 0 })
    nodes[1]?.signal('SIGKILL')
    await waitUntil('the killed node is gone', async () => (await states()).length === 2)
  })

  it('resumes a stream at another node', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const nodes = await Promise.all([1, 2].map(() => startGatewayProcess({ REDIS_URL: redis.url })))
    for (const { stop } of nodes) onCleanUp(stop)
    const [here, there] = nodes
    if (here === undefined || there === undefined) throw new Error('two nodes were started')
    const first = await openStream(here.url, 'feed=true', admin)
    onCleanUp(first.close)
    await first.first('subscribed')
    await recall(1, 'g', there.url)
    await waitUntil('the first notice arrives', () => first.seqs().length === 1)
    here.signal('SIGKILL')
    await first.ended()
    await recall(2, 'g', there.url)
    const id = first.named('messages-recalled').at(-1)?.id ?? ''
    const second = await openStream(there.url, 'feed=true', admin, { 'Last-Event-ID': id })
    onCleanUp(second.close)
    await waitUntil('the rest arrives', () => second.seqs().length === 1)
    expect(second.seqs()).to.deep.equal([2])
  })
})
