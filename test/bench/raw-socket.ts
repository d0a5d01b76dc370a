import { connect } from 'node:net'
import type { Socket } from 'node:net'
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

/** One for all sockets: what was read is used up before the next one reads. */
const READ_INTO = Buffer.allocUnsafe(256 * 1024)
const ASCII = { open: 48, ping: 50, message: 52, connect: 48, event: 50, answer: 51, refused: 52 } as const
const PONG = clientFrame('3')

export interface RawSocketOptions {
  readonly port: number
  readonly token: string
  /** What to subscribe to. */
  readonly ask: unknown
  /** Called with each event of the server; `bytes` is only valid until it returns. */
  readonly onEvent: (bytes: Buffer, start: number, end: number) => void
  /** The server, or the network, ended the connection. */
  readonly onClosed: () => void
}

/** The answer of the server to the subscription. */
export interface RawAnswer {
  readonly ok: boolean
  readonly position?: { readonly epoch: string; readonly offset: number }
  readonly gap?: string
}

export interface RawSocket {
  /** As a lost network does. */
  drop(): void
}

/**
 * A socket of Socket.IO by hand, which costs a small part of what a real one does: connects, shows its token, subscribes,
 * answers pings. Resolves once it has subscribed; events may have come before.
 */
export function openRawSocket(options: RawSocketOptions): Promise<{ socket: RawSocket; answer: RawAnswer }> {
  return new Promise((resolve, reject) => {
    let isDropped = false
    let head = ''
    let isUpgraded = false
    const reader = new FrameReader((bytes, start, end) => take(bytes, start, end), close)
    const callback = (length: number): boolean => {
      const chunk = READ_INTO.subarray(0, length)
      if (isUpgraded) reader.read(chunk)
      else readHead(chunk)
      return true
    }
    const tcp: Socket = connect({
      port: options.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: READ_INTO, callback },
    })
    tcp.on('connect', () => tcp.write(UPGRADE))
    tcp.on('error', close)
    tcp.on('close', close)

    function close(): void {
      reject(new Error('the connection was closed'))
      if (!isDropped) options.onClosed()
      drop()
    }

    function drop(): void {
      isDropped = true
      tcp.resetAndDestroy()
    }

    /** The answer of HTTP, and perhaps the first frames behind it. */
    function readHead(chunk: Buffer): void {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      if (!head.startsWith('HTTP/1.1 101')) return close()
      const frames = Buffer.from(head.slice(end + 4), 'latin1')
      isUpgraded = true
      if (frames.length > 0) reader.read(frames)
    }

    function take(bytes: Buffer, start: number, end: number): void {
      const kind = bytes[start]
      if (kind === ASCII.open) tcp.write(clientFrame(`40${JSON.stringify({ token: options.token })}`))
      else if (kind === ASCII.ping) tcp.write(PONG)
      else if (kind === ASCII.message) takeMessage(bytes, start + 1, end)
    }

    function takeMessage(bytes: Buffer, start: number, end: number): void {
      const kind = bytes[start]
      if (kind === ASCII.event) options.onEvent(bytes, start, end)
      else if (kind === ASCII.connect)
        tcp.write(clientFrame(`420${JSON.stringify(['subscribe', options.ask])}`))
      else if (kind === ASCII.answer) finish(bytes.toString('utf8', start, end))
      else if (kind === ASCII.refused) close()
    }

    /** With `30[{…}]`. */
    function finish(text: string): void {
      const [answer] = JSON.parse(text.slice(text.indexOf('['))) as [RawAnswer]
      if (answer.ok) resolve({ socket: { drop }, answer })
      else reject(new Error(`not subscribed: ${text}`))
    }
  })
}
