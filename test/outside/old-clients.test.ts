import { createRequire } from 'node:module'
import { expect } from 'chai'
import type { Goodbye, Hello, HandshakeRefusal, NoticeBatch } from '../../shared/protocol.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil, withTimeout } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'
import { seqsOf } from '../support/seqs.ts'

/** The last patch of each minor version that speaks our protocol; `test/package.json` installs them under these names. */
const VERSIONS = ['3.0', '3.1', '4.0', '4.1', '4.2', '4.3', '4.4', '4.5', '4.6', '4.7']
const TOO_OLD = '2.5'

/** What these tests use of every version of socket.io-client. */
interface OldSocket {
  readonly connected: boolean
  on(event: string, listener: (...values: never[]) => void): void
  emit(event: string, ...values: unknown[]): void
  close(): void
}

type Connect = (url: string, options: Readonly<Record<string, unknown>>) => OldSocket

const require = createRequire(import.meta.url)
const load = (version: string): Connect => {
  const loaded = require(`socket.io-client-${version}`) as { io?: Connect; default?: Connect } & Connect
  return loaded.io ?? loaded
}

interface Response {
  readonly ok: boolean
  readonly code?: string
  readonly recovered?: number
  readonly position?: { readonly epoch: string; readonly offset: number }
}

/** A socket and everything that it was told. */
function open(version: string, url: string, token: string, reconnection = false) {
  const socket = load(version)(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnection,
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
    auth: { token },
  })
  const seqs: number[] = []
  const hellos: Hello[] = []
  const goodbyes: Goodbye[] = []
  const disconnects: string[] = []
  const errors: (Error & { data?: HandshakeRefusal; description?: unknown })[] = []
  let connects = 0
  socket.on('connect', () => connects++)
  socket.on('connect_error', (error: Error) => errors.push(error))
  socket.on('disconnect', (reason: string) => disconnects.push(reason))
  socket.on('hello', (hello: Hello) => hellos.push(hello))
  socket.on('goodbye', (goodbye: Goodbye) => goodbyes.push(goodbye))
  socket.on('messages-recalled', ({ notices }: NoticeBatch) => {
    for (const { messages } of notices) seqs.push(...seqsOf(messages))
  })
  return {
    close: () => socket.close(),
    seqs,
    hellos,
    goodbyes,
    disconnects,
    errors,
    connects: () => connects,
    connected: () => waitUntil(`version ${version} connects`, () => socket.connected),
    request: (event: string, payload: unknown) =>
      withTimeout(
        `version ${version} gets a response to ${event}`,
        new Promise<Response>((resolve) => socket.emit(event, payload, resolve)),
      ),
  }
}

describe('older versions of socket.io-client', () => {
  const folder = temporaryFolder()
  let gateway: GatewayProcess
  let admin = ''
  let port = 0
  const start = () => startGatewayProcess({ PORT: String(port), DATA_DIR: folder.path })
  const closers: (() => void)[] = []

  before(async () => {
    port = await freePort()
    admin = await adminToken()
    gateway = await start()
  })
  after(async () => {
    for (const close of closers) close()
    await gateway.stop()
    folder.remove()
  })

  const opened: typeof open = (...values) => {
    const socket = open(...values)
    closers.push(socket.close)
    return socket
  }
  const recall = async (group: string, seq: number): Promise<void> => {
    const body = recallBody({ GroupId: group, MsgSeqList: [{ MsgSeq: seq }] })
    expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
  }
  /** Runs the check for all versions at the same time; the name of a version stands in each failure. */
  const forEach = (check: (version: string) => Promise<void>) =>
    Promise.all(
      VERSIONS.map((version) =>
        check(version).catch((error: unknown) => {
          throw new Error(`version ${version}: ${String(error)}`, { cause: error })
        }),
      ),
    )

  it('are told the code when their credential is refused, and whether trying again helps', () =>
    forEach(async (version) => {
      const socket = opened(version, gateway.url, 'no.valid.token')
      await waitUntil('the refusal arrives', () => socket.errors.length > 0)
      expect(socket.errors[0]?.data).to.deep.include({ code: 'TOKEN_REFUSED', retry: false })
    }))

  it('connect, subscribe, receive a recall, and resume after a pause without a gap', () =>
    forEach(async (version) => {
      const group = `group-${version}`
      const first = opened(version, gateway.url, admin)
      await first.connected()
      const { ok, position } = await first.request('subscribe', { group })
      expect(ok).to.equal(true)
      expect(first.hellos).to.have.lengthOf(1)
      expect(first.hellos[0]?.expiresInMs).to.be.within(500_000, 600_000)
      await recall(group, 1)
      await waitUntil('the recall arrives', () => first.seqs.length === 1)
      first.close()
      await recall(group, 2)
      const second = opened(version, gateway.url, admin)
      await second.connected()
      const resumed = await second.request('subscribe', { group, since: position })
      expect(resumed).to.include({ ok: true, recovered: 2 })
      await waitUntil('both recalls arrive', () => second.seqs.length === 2)
      expect([...first.seqs, ...second.seqs]).to.deep.equal([1, 1, 2])
      second.close()
    }))

  it('are told the code when a room or a request is refused, and stay connected', () =>
    forEach(async (version) => {
      const token = await makeToken({ sub: `member-${version}`, rooms: [{ group: 'granted' }] })
      const socket = opened(version, gateway.url, token)
      await socket.connected()
      expect(await socket.request('subscribe', { group: 'other' })).to.include({ code: 'ROOM_REFUSED' })
      expect(await socket.request('subscribe', { gruop: 'x' })).to.include({ code: 'REQUEST_MALFORMED' })
      expect(await socket.request('unknown', {})).to.include({ code: 'REQUEST_MALFORMED' })
      expect(await socket.request('subscribe', { group: 'granted' })).to.include({ ok: true })
      expect(socket.disconnects).to.be.empty
      socket.close()
    }))

  it('receive a goodbye when an admin disconnects their user, and are refused when they come back', () =>
    forEach(async (version) => {
      const user = `banned-${version}`
      const socket = opened(version, gateway.url, await makeToken({ sub: user }), true)
      await socket.connected()
      const response = await fetch(`${gateway.url}/v1/disconnect`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${admin}` },
        body: JSON.stringify({ userId: user, forS: 60 }),
      })
      expect(response.status).to.equal(200)
      await waitUntil('the goodbye arrives', () => socket.goodbyes.length > 0)
      expect(socket.goodbyes[0]).to.include({ code: 4500 })
      await waitUntil('the connection ends', () => socket.disconnects.length > 0)
      // Every version comes back by itself after a lost connection; this one must not get in.
      await waitUntil('the socket is refused', () => socket.errors.length > 0 || socket.connects() > 1)
      expect(socket.connects()).to.equal(1)
      expect(socket.errors[0]?.data).to.deep.include({ code: 'USER_DISCONNECTED' })
      socket.close()
    }))

  it('receive a goodbye when their node stops, come back by themselves, and miss nothing', async () => {
    const sockets = await Promise.all(
      VERSIONS.map(async (version) => {
        const socket = opened(version, gateway.url, admin, true)
        await socket.connected()
        const { position } = await socket.request('subscribe', { group: 'restart' })
        return { version, socket, position }
      }),
    )
    gateway.signal('SIGTERM')
    expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
    await waitUntil('all are told', () => sockets.every(({ socket }) => socket.disconnects.length > 0))
    for (const { version, socket } of sockets) {
      expect(socket.goodbyes, version).to.have.lengthOf(1)
      expect(socket.goodbyes[0], version).to.include({ code: 4000 })
      expect(socket.disconnects, version).to.deep.equal(['transport close'])
    }
    gateway = await start()
    await recall('restart', 7)
    await Promise.all(
      sockets.map(async ({ version, socket, position }) => {
        await waitUntil(`version ${version} comes back`, () => socket.connects() === 2)
        const response = await socket.request('subscribe', { group: 'restart', since: position })
        expect(response, version).to.include({ ok: true, recovered: 1 })
        await waitUntil(`version ${version} receives what it missed`, () => socket.seqs.length === 1)
        socket.close()
      }),
    )
  })

  it('that speak Engine.IO 3 are refused before the WebSocket opens, with a reason in words', async () => {
    for (const [transport, EIO] of [
      ['websocket', '3'],
      ['polling', '3'],
      ['polling', '4'],
    ]) {
      const response = await fetch(`${gateway.url}/socket.io/?EIO=${EIO}&transport=${transport}`)
      const body = (await response.json()) as Record<string, unknown>
      expect(response.status).to.equal(400)
      expect(body).to.include({ code: 'REQUEST_MALFORMED', retry: false })
      expect(body['message']).to.match(EIO === '3' ? /Socket\.IO 3/ : /websocket/i)
    }
    const socket = opened(TOO_OLD, gateway.url, admin)
    await waitUntil('version 2.5 is refused', () => socket.errors.length > 0)
    expect(socket.connects()).to.equal(0)
    // An answer in HTTP, not a frame that cannot be parsed. The WebSocket that newer versions of Node have hides it.
    const hidesIt = 'WebSocket' in globalThis
    const message = hidesIt ? '' : 'Unexpected server response: 400'
    expect(socket.errors[0]?.description).to.have.property('message', message)
  })
})
