import { expect } from 'chai'
import { openRaw } from '../support/raw-connection.ts'
import {
  closeFrame,
  encodeFrame,
  openingHandshake,
  openWebSocketPeer,
  OPCODES,
} from '../support/web-socket-peer.ts'
import type { WebSocketPeer } from '../support/web-socket-peer.ts'
import { waitUntil } from '../support/wait.ts'
import { judgedGateway } from './judged-gateway.ts'
import { reportNotForUs } from './not-for-us.ts'
import { INVALID_UTF8, VALID_UTF8 } from './utf8-sequences.ts'
import { FRAME_CASES, request } from './websocket-frame-cases.ts'
import type { FrameCase } from './websocket-frame-cases.ts'

describe('frames as in the Autobahn test suite', () => {
  const gateway = judgedGateway()
  reportNotForUs('websocket-frames')

  /** Opens a WebSocket and, unless it stays a stranger, presents the token. */
  async function open(isStranger = false): Promise<WebSocketPeer> {
    const peer = await openWebSocketPeer(gateway.port)
    await peer.text('the Engine.IO handshake', (text) => text.startsWith('0{'))
    if (!isStranger) {
      peer.sendText(`40${JSON.stringify({ token: gateway.token })}`)
      await peer.text('the Socket.IO handshake', (text) => text.startsWith('40{"sid"'))
    }
    return peer
  }

  async function send(peer: WebSocketPeer, { frames, chop }: FrameCase): Promise<void> {
    if (chop === undefined) peer.send(Buffer.concat(frames))
    for (const frame of chop === undefined ? [] : frames) {
      if (chop === 'bytes') await peer.sendBytewise(frame)
      else peer.send(frame)
      await new Promise(setImmediate)
    }
  }

  const isAnswer = (text: string): boolean => text.startsWith('430[')
  /** The peer still gets an answer, and then an orderly end. */
  async function expectServed(peer: WebSocketPeer): Promise<void> {
    expect(await peer.text('the answer', isAnswer)).to.include('"ok":true')
    peer.send(closeFrame(1000))
    await peer.closed()
    expect(peer.closeCode()).to.equal(1000)
  }

  async function check(one: FrameCase, isStranger = false): Promise<void> {
    const { expected } = one
    const peer = await open(isStranger)
    try {
      await send(peer, one)
      if (expected.kind === 'served') {
        await expectServed(peer)
        const pongs = peer.frames().filter(({ opcode }) => opcode === OPCODES.pong)
        expect(pongs.map(({ payload }) => payload.toString('latin1'))).to.deep.equal(expected.pongs ?? [])
        return
      }
      if (expected.kind === 'ends') {
        await waitUntil(
          'the node says that it closes',
          () => peer.closeCode() !== undefined || peer.isClosed(),
        )
        peer.send(closeFrame(1000))
      }
      await peer.closed()
      // Whoever breaks the protocol gets no answer to what it sends afterwards.
      if (!isStranger) expect(peer.texts().filter(isAnswer)).to.be.empty
      if (expected.kind !== 'ends') expect(peer.closeCode()).to.equal(expected.code)
    } finally {
      peer.destroy()
    }
  }

  for (const [subject, cases] of Object.entries(FRAME_CASES)) {
    describe(subject, () => {
      for (const one of cases) it(one.name, () => check(one))
    })
  }

  it('that break the protocol end the connection of a stranger with the same code', async () => {
    const broken = Object.values(FRAME_CASES)
      .flat()
      .filter(({ expected }) => expected.kind === 'fails')
    await Promise.all(broken.map((one) => check(one, true)))
  })

  describe('UTF-8 sequences', () => {
    /** A pong of Engine.IO may carry any text; a request after it shows that the connection lives. */
    const carried = (bytes: Buffer): Buffer =>
      encodeFrame({ payload: Buffer.concat([Buffer.from('3'), bytes]) })
    const name = (bytes: Buffer): string => bytes.toString('hex')
    const checkAll = (sequences: readonly Buffer[], expected: FrameCase['expected']) =>
      Promise.all(
        sequences.map((bytes) =>
          check({
            name: name(bytes),
            frames: [carried(bytes), encodeFrame({ payload: request() })],
            expected,
          }).catch((error: unknown) => {
            throw new Error(`${name(bytes)}: ${String(error)}`, { cause: error })
          }),
        ),
      )

    for (const [subject, sequences] of Object.entries(VALID_UTF8))
      it(`accepts ${subject}: ${sequences.length}`, () => checkAll(sequences, { kind: 'served' }))
    for (const [subject, sequences] of Object.entries(INVALID_UTF8))
      it(`refuses ${subject}: ${sequences.length}`, () => checkAll(sequences, { kind: 'fails', code: 1007 }))
  })

  describe('the opening handshake', () => {
    const respond = async (bytes: string): Promise<string> => {
      const connection = await openRaw(gateway.port, { allowHalfOpen: true })
      connection.send(bytes)
      await connection.until((received) => received.includes('\r\n\r\n'))
      connection.destroy()
      return connection.received()
    }

    it('computes the key of the answer, and agrees to no extension', async () => {
      const response = await respond(
        openingHandshake({
          'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, x-unknown',
        }),
      )
      expect(response).to.match(/^HTTP\/1\.1 101 .*^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/ms)
      expect(response).to.not.match(/^Sec-WebSocket-Extensions/im)
    })

    const REFUSED: Readonly<Record<string, string>> = {
      'no key': openingHandshake({ 'Sec-WebSocket-Key': undefined }),
      'a key of another length': openingHandshake({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }),
      'a key that is not base64': openingHandshake({ 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!!!' }),
      'no version': openingHandshake({ 'Sec-WebSocket-Version': undefined }),
      'another version': openingHandshake({ 'Sec-WebSocket-Version': '12' }),
      'a method other than GET': openingHandshake(
        {},
        undefined,
        'POST /socket.io/?EIO=4&transport=websocket HTTP/1.1',
      ),
      'HTTP/1.0': openingHandshake({}, undefined, 'GET /socket.io/?EIO=4&transport=websocket HTTP/1.0'),
      'another protocol': openingHandshake({ Upgrade: 'h2c' }),
      'no upgrade': openingHandshake({ Upgrade: undefined }),
      'a malformed subprotocol': openingHandshake({ 'Sec-WebSocket-Protocol': 'a, a' }),
    }
    for (const [name, bytes] of Object.entries(REFUSED))
      it(`is refused with 400 with ${name}`, async () =>
        expect(await respond(bytes)).to.match(/^HTTP\/1\.1 4(00|26) /))

    it('names the versions that are understood', async () => {
      const response = await respond(openingHandshake({ 'Sec-WebSocket-Version': '12' }))
      expect(response).to.match(/^Sec-WebSocket-Version: 13/m)
    })
  })

  it('leave a process that serves, without an error in its log', async () => {
    await check({ name: '', frames: [encodeFrame({ payload: request() })], expected: { kind: 'served' } })
    await waitUntil('no connection is left', async () =>
      (await (await fetch(`${gateway.url}/metrics`)).text()).includes('recall_gateway_sockets 0'),
    )
    expect(gateway.output()).to.not.match(/"level":"(error|fatal)"/)
  })
})
