import type { Socket } from 'socket.io-client'

/** Inner fields of Socket.IO's client, for what its own ways of closing and waiting would tell the node. */
interface Inner {
  readonly engine?: { readonly transport?: { readonly ws?: WebSocket } }
}

interface WebSocket {
  readonly _socket?: { pause(): unknown; resume(): unknown }
  terminate?(): void
}

const webSocketOf = (socket: Pick<Socket, 'io'> | undefined): WebSocket | undefined =>
  (socket?.io as unknown as Inner | undefined)?.engine?.transport?.ws

/** Ends the connection as a lost network does. */
export const terminate = (socket: Pick<Socket, 'io'> | undefined): void => webSocketOf(socket)?.terminate?.()

/** Reads nothing more, and stays connected. */
export const stall = (socket: Pick<Socket, 'io'> | undefined): void =>
  void webSocketOf(socket)?._socket?.pause()

export const readOn = (socket: Pick<Socket, 'io'> | undefined): void =>
  void webSocketOf(socket)?._socket?.resume()
