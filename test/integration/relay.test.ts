import { request } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { BEFORE_COMMAND_NAMES } from '../../server/receiver/commands/before-commands.ts'
import { bodyOf, headerOf, startBackend } from '../support/backend-process.ts'
import type { Backend, Behaviour, Received } from '../support/backend-process.ts'
import { fairClock } from '../support/fair-clock.ts'
import { APP, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { watchProcessorWaits } from '../support/processor-waits.ts'
import { ALL_RECALL_SAMPLES } from '../support/provider-samples.ts'
import { readBytes } from '../support/read-bytes.ts'
import { waitUntil } from '../support/wait.ts'
import { recallBody, signedQuery } from '../support/webhook.ts'

const BEFORE = 'Group.CallbackBeforeSendMsg'
const AFTER = 'Group.CallbackAfterSendMsg'
const RECALL = 'Group.CallbackAfterRecallMsg'
const FRIENDS = 'Sns.CallbackPrevFriendAdd'

interface Call {
  readonly method?: string
  /** What follows the path of webhooks. */
  readonly suffix?: string
  readonly query?: string
  readonly body?: Buffer | string
  readonly headers?: OutgoingHttpHeaders
}

interface Response {
  readonly status: number
  readonly type: string | undefined
  readonly encoding: string | undefined
  readonly body: Buffer
  readonly tookMs: number
}

const queryOf = (command: string): string => new URLSearchParams(signedQuery(command)).toString()

const bodyFor = (command: string, fields: object = {}): string =>
  JSON.stringify({ CallbackCommand: command, GroupId: '@TGS#1', ...fields })

describe('the relay', () => {
  let backend: Backend
  let gateway: GatewayProcess

  beforeEach(async () => {
    backend = await startBackend({ token: WEBHOOK_TOKEN })
    gateway = await startGatewayProcess({
      RELAY_URL: backend.url,
      RELAY_FALLBACK: 'allow',
      RELAY_FALLBACK_OVERRIDES: `${BEFORE}=deny,${FRIENDS}=deny`,
    })
  })
  afterEach(async () => {
    await gateway.stop()
    await backend.stop()
  })

  /** Sends exactly these bytes. */
  async function post({
    method = 'POST',
    suffix = '',
    query = queryOf(AFTER),
    body = '',
    headers = {},
  }: Call) {
    const fairMs = fairClock(gateway.pid)
    const startMs = fairMs()
    const bytes = Buffer.from(body)
    return new Promise<Response>((resolve, reject) => {
      const call = request({
        port: gateway.port,
        method,
        path: `/webhook${suffix}?${query}`,
        headers: { Host: 'gateway.example', 'Content-Length': bytes.length, ...headers },
      })
      call.once('error', reject).once('response', (response) => {
        readBytes(response).then((answer) => {
          const { statusCode: status = 0, headers: answered } = response
          const tookMs = fairMs() - startMs
          resolve({
            status,
            type: answered['content-type'],
            encoding: answered['content-encoding'],
            body: answer,
            tookMs,
          })
        }, reject)
      })
      call.end(bytes)
    })
  }

  const send = (command: string, fields: object = {}, call: Call = {}) =>
    post({ query: queryOf(command), body: bodyFor(command, fields), ...call })

  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    const line = text.split('\n').find((one) => one.startsWith(`recall_gateway_${name} `))
    return Number(line?.split(' ').at(-1) ?? 0)
  }

  describe('to a backend that answers', () => {
    it('passes on what came, and what the backend says', async () => {
      await backend.behave({ kind: 'answer', status: 418, type: 'text/x; charset=gbk', body: 'a teapot' })
      const query = `${queryOf(AFTER)}&x=%zz&[]="<>^\`{|}&Sign2=&%53&&=`
      const body = Buffer.concat([Buffer.from(bodyFor(AFTER)), Buffer.from(' \n')])
      const answer = await post({
        suffix: '/a/%2B/b;c//',
        query,
        body,
        headers: { 'Content-Type': 'application/x-odd', 'User-Agent': 'provider/1', Cookie: 'a=b' },
      })
      expect(answer).to.include({ status: 418, type: 'text/x; charset=gbk' })
      expect(answer.body.toString()).to.equal('a teapot')
      const [received, ...others] = backend.received() as [Received, ...Received[]]
      expect(others).to.be.empty
      expect(received).to.include({ method: 'POST', target: `/im/callback/a/%2B/b;c//?${query}` })
      expect(bodyOf(received).equals(body)).to.equal(true)
      const headers = ['Host', 'Content-Type', 'User-Agent', 'Cookie', 'Recall-Gateway'].map((name) =>
        headerOf(received, name),
      )
      const host = `127.0.0.1:${backend.port}`
      expect(headers).to.deep.equal([host, 'application/x-odd', 'provider/1', undefined, APP])
      const forwarded = ['For', 'Proto', 'Host'].map((name) => headerOf(received, `X-Forwarded-${name}`))
      expect(forwarded).to.deep.equal(['127.0.0.1', 'http', 'gateway.example'])
      expect(headerOf(received, 'Forwarded')).to.equal('for=127.0.0.1;host=gateway.example;proto=http')
      expect(headerOf(received, 'Recall-Gateway-Attempt')).to.equal(undefined)
    })

    it('passes on other methods, bodies without a type, and what the gateway cannot read', async () => {
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'])
        expect((await post({ method })).status).to.equal(200)
      const unreadable = ['no JSON', '[]', Buffer.from([0xff, 0xfe, 0]), bodyFor('State.StateChange'), '']
      for (const body of unreadable) expect((await post({ body })).status).to.equal(200)
      const received = backend.received()
      expect(received.map(({ method }) => method)).to.deep.equal([
        'GET',
        'PUT',
        'DELETE',
        'PATCH',
        ...Array(5).fill('POST'),
      ])
      expect(received.slice(4).map(bodyOf)).to.deep.equal(unreadable.map((body) => Buffer.from(body)))
      expect(received.map((one) => headerOf(one, 'Content-Type'))).to.deep.equal(Array(9).fill(undefined))
      expect(await metric('quarantined')).to.equal(0)
    })

    it('passes on answers up to 1 MiB, redirects and refusals, and follows nothing', async () => {
      for (const [status, headers] of [
        [302, { Location: 'http://127.0.0.1:1/' }],
        [403, {}],
        [204, {}],
      ] as const) {
        await backend.behave({ kind: 'answer', status, headers, body: '' })
        expect((await send(AFTER)).status).to.equal(status)
      }
      await backend.behave({ kind: 'large', bytes: 1_000_000 })
      expect((await send(BEFORE)).body.length).to.be.above(1_000_000)
      await backend.behave({ kind: 'large', bytes: 2 ** 20 })
      expect((await send(BEFORE)).body.toString()).to.include('"ErrorCode":1')
    })

    it('passes on an answer that is compressed, whether the provider asked for it or not', async () => {
      await backend.behave({
        kind: 'answer',
        headers: { 'Content-Encoding': 'gzip' },
        bodyBase64: gzipSync('{"ActionStatus":"OK","ErrorCode":120001}').toString('base64'),
      })
      for (const [command, headers] of [
        [BEFORE, { 'Accept-Encoding': 'gzip' }],
        [AFTER, {}],
      ] as const) {
        const { status, encoding, body } = await send(command, {}, { headers })
        expect([status, encoding]).to.deep.equal([200, 'gzip'])
        expect(gunzipSync(body).toString()).to.include('120001')
      }
      const received = backend.received()
      expect(received.map((one) => headerOf(one, 'Accept-Encoding'))).to.deep.equal(['gzip', undefined])
    })

    it('gives it recalls once they are stored, but no test recalls', async () => {
      const bodies = Object.values(ALL_RECALL_SAMPLES)
      for (const body of bodies)
        await post({ query: queryOf(body.CallbackCommand), body: JSON.stringify(body) })
      const unreadable = '{"CallbackCommand":'
      expect((await post({ query: queryOf(RECALL), body: unreadable })).status).to.equal(400)
      await post({
        query: queryOf(RECALL),
        body: JSON.stringify(recallBody()),
        headers: { 'X-Recall-Gateway-Call': 'own' },
      })
      const received = await backend.waitFor('all recalls', ({ length }) => length > bodies.length)
      expect(received.map((one) => bodyOf(one).toString())).to.have.members([
        ...bodies.map((body) => JSON.stringify(body)),
        unreadable,
      ])
    })
  })

  it('takes several slashes for one behind the path of webhooks', async () => {
    for (const suffix of ['//', '///x'])
      expect(
        (await post({ suffix, query: queryOf(RECALL), body: JSON.stringify(recallBody()) })).status,
      ).to.equal(200)
    const received = await backend.waitFor('both recalls', ({ length }) => length === 2)
    expect(received.map(({ target }) => target.split('?')[0])).to.deep.equal([
      '/im/callback/',
      '/im/callback/x',
    ])
  })

  it('refuses what went through a gateway of this app before, and paths that lead elsewhere', async () => {
    expect((await send(AFTER, {}, { headers: { 'Recall-Gateway': APP } })).status).to.equal(508)
    for (const suffix of [
      '/../x',
      '/%2e%2E/x',
      '/a/..%2fx',
      '/..\\x',
      '/%5cx',
      '/%2fevil.example/x',
      '/%252e%252e/x',
      '/..;/x',
    ])
      expect((await send(AFTER, {}, { suffix })).status, suffix).to.equal(400)
    expect(
      (await send(AFTER, {}, { query: `${queryOf(AFTER)}&Sign=0`.replace(/Sign=[0-9a-f]{64}/, 'Sign=1') }))
        .status,
    ).to.equal(401)
    expect(backend.received()).to.deep.equal([])
  })

  describe('to a backend that does not answer', () => {
    /** Returns what tells for how long, in ms, gateway and test have waited for a processor since: no time of the gateway. */
    const measureWaits = (): (() => number) => {
      const waits = watchProcessorWaits(() => [gateway.pid])
      const beganAtMs = performance.now()
      return () => {
        waits.stop()
        return waits.between(beganAtMs, performance.now())
      }
    }

    it('answers Before-commands in its place, in time', async () => {
      await backend.behave({ kind: 'hang' })
      const waitedMs = measureWaits()
      const answers = await Promise.all(
        BEFORE_COMMAND_NAMES.map((command) => send(command, { FriendItem: [{ To_Account: 'u' }] })),
      )
      const inTimeMs = 2_000 + waitedMs()
      for (const [i, { status, body, tookMs }] of answers.entries()) {
        const denied = [BEFORE, FRIENDS].includes(BEFORE_COMMAND_NAMES[i] ?? '')
        expect(status).to.equal(200)
        expect(
          /"ErrorCode":1[,}]|"ResultCode":38000/.test(body.toString()),
          BEFORE_COMMAND_NAMES[i],
        ).to.equal(denied || BEFORE_COMMAND_NAMES[i] === 'Chatbot.OnC2CSignalMessage')
        expect(tookMs).to.be.below(inTimeMs)
      }
      expect(await metric(`relayed_total{command="${BEFORE}",outcome="denied"}`)).to.equal(1)
    })

    for (const behaviour of [
      { kind: 'answer', status: 500 },
      { kind: 'answer', status: 429 },
      { kind: 'reset' },
      { kind: 'half' },
    ] as const satisfies readonly Behaviour[])
      it(`delivers all else later, in order, and marks it (${Object.values(behaviour).join(' ')})`, async () => {
        await backend.behave(behaviour)
        for (const MsgSeq of [1, 2, 3])
          expect((await send(AFTER, { MsgSeq })).body.toString()).to.include('"ActionStatus":"OK"')
        const before = backend.received().length
        await backend.behave({ kind: 'answer' })
        const received = await backend.waitFor('all three', (all) => {
          const seqs = all.slice(before).map((one) => bodyOf(one).toString())
          return [1, 2, 3].every((seq) => seqs.some((text) => text.includes(`"MsgSeq":${seq}`)))
        })
        const seqs = received.map((one) => Number(/"MsgSeq":(\d)/.exec(bodyOf(one).toString())?.[1]))
        expect(seqs).to.deep.equal(seqs.toSorted((a, b) => a - b))
        const first = received.findLast((one) => bodyOf(one).toString().includes('"MsgSeq":1'))
        expect(Number(first && headerOf(first, 'Recall-Gateway-Attempt'))).to.be.at.least(2)
      })

    it('counts the time for which the process stood still before it read a Before-command', async () => {
      await backend.behave({ kind: 'hang' })
      gateway.signal('SIGSTOP')
      const sent = post({ query: queryOf(BEFORE), body: bodyFor(BEFORE) })
      // As long as the process stands still, in which the request arrives.
      const stoppedAtMs = performance.now()
      await delay(1_400)
      const waitedMs = measureWaits()
      gateway.signal('SIGCONT')
      const stoodStillMs = performance.now() - stoppedAtMs
      const { tookMs, body } = await sent
      expect(JSON.parse(body.toString())).to.include({ ErrorCode: 1 })
      expect(tookMs).to.be.below(stoodStillMs + 1_100 + waitedMs())
    })

    it('stops waiting for it, says so, and takes it back', async () => {
      await backend.kill()
      for (let i = 0; i < 6; i++) await send(AFTER, { GroupId: `g${i}` })
      // Now and then, one of them asks the backend.
      await waitUntil('it is denied at once', async () => (await send(BEFORE)).tookMs < 500)
      expect(await metric('relay_backend_down')).to.equal(1)
      const ready = await (await fetch(`${gateway.url}/readyz`)).text()
      expect(ready).to.include('BACKEND_DOWN: the backend at RELAY_URL does not answer; 6 webhooks wait')
      const recall = await post({ query: queryOf(RECALL), body: JSON.stringify(recallBody()) })
      expect(recall.status).to.equal(200)
      // With one that waits for the backend, it would be 1.85 s more.
      expect(recall.tookMs).to.be.below(1_850)
      await backend.restart()
      await backend.waitFor('what waited', ({ length }) => length >= 7)
      await waitUntil('it is up', async () => (await metric('relay_backend_down')) === 0)
      expect(gateway.output()).to.include('the backend answers again')
      expect(gateway.output()).to.not.include('/im/callback')
    })

    it('does not let one slow command hold back the others', async () => {
      await backend.behave({ kind: 'hang' }, BEFORE)
      await Promise.all(Array.from({ length: 10 }, () => send(BEFORE)))
      expect(await metric('relay_backend_down')).to.equal(0)
      expect((await send('Group.CallbackBeforeCreateGroup')).body.toString()).to.include('Digest')
      expect((await send(BEFORE)).tookMs).to.be.below(500)
    })
  })
})

describe('without a relay', () => {
  it('commands are counted by name, but only those that are known', async () => {
    const gateway = await startGatewayProcess()
    try {
      for (const command of [AFTER, BEFORE, 'Made.Up1', 'Made.Up2']) {
        const answer = await fetch(`${gateway.url}/webhook?${queryOf(command)}`, {
          method: 'POST',
          body: bodyFor(command),
        })
        expect(answer.status).to.equal(200)
      }
      const text = await (await fetch(`${gateway.url}/metrics`)).text()
      const counts = [...text.matchAll(/commands_unhandled_total\{command="([^"]+)"\} (\d+)/g)]
      expect(counts.map(([, name, count]) => `${name} ${count}`)).to.have.members([
        `${AFTER} 1`,
        `${BEFORE} 1`,
        'other 2',
      ])
    } finally {
      await gateway.stop()
    }
  })
})
