import type { Socket } from 'socket.io-client'

/** Private fields of Socket.IO's client, to fail in ways that its public methods would announce to the node. */
interface Inner {
  readonly engine?: { readonly transport?: { readonly ws?: WebSocket } }
}

interface WebSocket {
  readonly _socket?: { pause(): unknown; resume(): unknown }
  terminate?(): void
}

const webSocketOf = (socket: Pick<Socket, 'io'> | undefined): WebSocket | undefined =>
  (socket?.io as unknown as Inner | undefined)?.engine?.transport?.ws

/** Ends the connection without a close frame, as a lost network does. */
export const terminate = (socket: Pick<Socket, 'io'> | undefined): void => webSocketOf(socket)?.terminate?.()

/** Stops reading, and stays connected. */
export const stall = (socket: Pick<Socket, 'io'> | undefined): void =>
  void webSocketOf(socket)?._socket?.pause()

/** Resumes reading. */
export const readOn = (socket: Pick<Socket, 'io'> | undefined): void =>
  void webSocketOf(socket)?._socket?.resume()
