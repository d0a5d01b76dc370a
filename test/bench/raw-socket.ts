import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { OpeningAnswer } from '../../shared/protocol.ts'
import { clientFrame, FrameReader } from './websocket-frames.ts'

const UPGRADE = [
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n')

/** Shared by all sockets: a chunk is processed before the next one is read. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024)
const ASCII = { open: 48, ping: 50, message: 52, connect: 48, event: 50, ack: 51, connectError: 52 } as const
const PONG = clientFrame('3')
/** Half of what the gateway allows on one socket. */
const MAX_IN_FLIGHT = 50

export interface RawSocketOptions {
  readonly port: number
  readonly token: string
  /** The payloads of `subscribe`, one for each room. */
  readonly requests: readonly unknown[]
  /** Whether they go with the handshake: 32 at most. */
  readonly atOnce?: boolean
  /** Called with each event of the server. `bytes` is only valid until the callback returns. */
  readonly onEvent: (bytes: Buffer, start: number, end: number) => void
  /** Called when the server or the network closes the connection. */
  readonly onClosed: () => void
}

/** The acknowledgement of `subscribe`. */
export interface SubscribeAck {
  readonly ok: boolean
  readonly position?: { readonly epoch: string; readonly offset: number }
  readonly gap?: string
}

export interface RawSocket {
  /** Resets the connection, as a failing network does. */
  drop(): void
}

/**
 * A minimal Socket.IO client, at a fraction of the cost of a real one: connects, presents its token, subscribes and
 * responds to pings. Resolves once it has subscribed to all rooms, with an acknowledgement for each. Events may arrive earlier.
 */
export function openRawSocket(
  options: RawSocketOptions,
): Promise<{ socket: RawSocket; acks: readonly SubscribeAck[] }> {
  return new Promise((resolve, reject) => {
    const { requests, atOnce = false } = options
    const subscribe = atOnce ? { subscribe: requests } : {}
    const acks: SubscribeAck[] = []
    let requested = atOnce ? requests.length : 0
    let acknowledged = 0
    let isDropped = false
    let head = ''
    let isUpgraded = false
    const reader = new FrameReader((bytes, start, end) => onFrame(bytes, start, end), close)
    const callback = (length: number): boolean => {
      const chunk = READ_BUFFER.subarray(0, length)
      if (isUpgraded) reader.read(chunk)
      else readHead(chunk)
      return true
    }
    const tcp: Socket = connect({
      port: options.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: READ_BUFFER, callback },
    })
    tcp.on('connect', () => tcp.write(UPGRADE))
    tcp.on('error', close)
    tcp.on('close', close)

    function close(): void {
      reject(new Error(`the connection was closed${isUpgraded ? '' : `, after ${JSON.stringify(head)}`}`))
      if (!isDropped) options.onClosed()
      drop()
    }

    function drop(): void {
      isDropped = true
      tcp.resetAndDestroy()
    }

    /** Reads the HTTP response, and the frames that may follow it in the same chunk. */
    function readHead(chunk: Buffer): void {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      if (!head.startsWith('HTTP/1.1 101')) return close()
      const frames = Buffer.from(head.slice(end + 4), 'latin1')
      isUpgraded = true
      if (frames.length > 0) reader.read(frames)
    }

    function onFrame(bytes: Buffer, start: number, end: number): void {
      const kind = bytes[start]
      if (kind === ASCII.open) open()
      else if (kind === ASCII.ping) tcp.write(PONG)
      else if (kind === ASCII.message) onMessage(bytes, start + 1, end)
    }

    function onMessage(bytes: Buffer, start: number, end: number): void {
      const kind = bytes[start]
      if (kind === ASCII.event) onEvent(bytes, start, end)
      else if (kind === ASCII.connect) for (let i = 0; i < MAX_IN_FLIGHT; i++) requestNext()
      else if (kind === ASCII.ack) onAck(bytes.toString('utf8', start, end))
      else if (kind === ASCII.connectError) close()
    }

    function open(): void {
      tcp.write(clientFrame(`40${JSON.stringify({ token: options.token, ...subscribe })}`))
    }

    function onEvent(bytes: Buffer, start: number, end: number): void {
      if (!atOnce || acknowledged === requests.length) return options.onEvent(bytes, start, end)
      const [name, value] = JSON.parse(bytes.toString('utf8', start + 1, end)) as [string, OpeningAnswer]
      if (name === 'subscribed') onAnswer(value.index, value.answer)
      else options.onEvent(bytes, start, end)
    }

    function requestNext(): void {
      if (requested === requests.length) return
      const id = requested++
      tcp.write(clientFrame(`42${id}${JSON.stringify(['subscribe', requests[id]])}`))
    }

    /** `text` looks like `30[{…}]`. */
    function onAck(text: string): void {
      const at = text.indexOf('[')
      const [ack] = JSON.parse(text.slice(at)) as [SubscribeAck]
      onAnswer(Number(text.slice(1, at)), ack)
    }

    function onAnswer(id: number, ack: SubscribeAck): void {
      if (!ack.ok) return reject(new Error(`not subscribed: ${JSON.stringify(ack)}`))
      acks[id] = ack
      if (++acknowledged === requests.length) resolve({ socket: { drop }, acks })
      else requestNext()
    }
  })
}
