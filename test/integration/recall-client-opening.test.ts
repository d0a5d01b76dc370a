import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { createRecallClient } from '../../shared/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fixRandom } from '../support/random.ts'
import { waitUntil } from '../support/wait.ts'

/** RFC 6455, section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const CLOSE_FRAME = Buffer.from([0x88, 0x00])

const textFrame = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, Buffer.byteLength(text)]), Buffer.from(text)])

/** Accepts every WebSocket, writes these frames, and ends it. */
async function startClosingServer(frames: Buffer) {
  const openedAtMs: number[] = []
  const server = createServer()
  server.on('upgrade', ({ headers }, socket: Duplex) => {
    openedAtMs.push(Date.now())
    const key = `${headers['sec-websocket-key']}${WEBSOCKET_GUID}`
    const accept = createHash('sha1').update(key).digest('base64')
    socket.on('error', () => undefined)
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    socket.end(frames)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, openedAtMs, stop: () => void server.close() }
}

describe('a connection that ends while the client opens it', () => {
  const onCleanUp = cleanUpAfterEach()
  // Delays are 400 ms, and then 800 ms, which is as long as they are within the first two seconds.
  fixRandom(0.4)

  const open = async (frames: Buffer) => {
    const server = await startClosingServer(frames)
    onCleanUp(server.stop)
    const client = createRecallClient({ url: server.url, auth: { token: 'x' } })
    onCleanUp(() => client.close())
    return { client, server }
  }

  it('before the first packet is tried again at once, not after a timeout', async () => {
    const { client, server } = await open(CLOSE_FRAME)
    await waitUntil('it is offline', () => client.state.kind === 'offline')
    await waitUntil('it has tried again', () => server.openedAtMs.length >= 3)
    client.close()
    const { length } = server.openedAtMs
    await delay(1_000)
    expect(server.openedAtMs).to.have.length(length)
  })

  it('before it is accepted is tried again after a delay that grows, as always', async () => {
    const handshake = { sid: 's', upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 100 }
    const packet = textFrame(`0${JSON.stringify(handshake)}`)
    const { server } = await open(Buffer.concat([packet, CLOSE_FRAME]))
    await waitUntil('it has tried again', () => server.openedAtMs.length >= 4)
    const [first = 0, , , fourth = 0] = server.openedAtMs
    // 400 + 800 + 800 ms
    expect(fourth - first).to.be.at.least(1_900)
  })
})
