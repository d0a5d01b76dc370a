import type { Socket } from 'socket.io-client'

/** Private fields of Socket.IO's client, for failures that its public methods would announce to the node. */
interface Internals {
  readonly engine?: { readonly transport?: { readonly ws?: WebSocket } }
}

interface WebSocket {
  readonly _socket?: { pause(): unknown; resume(): unknown }
  terminate?(): void
}

const webSocketOf = (socket: Pick<Socket, 'io'> | undefined): WebSocket | undefined =>
  (socket?.io as unknown as Internals | undefined)?.engine?.transport?.ws

/** Ends the connection without a close frame, as a lost network does. */
export const terminate = (socket: Pick<Socket, 'io'> | undefined): void => webSocketOf(socket)?.terminate?.()

/** Stops reading, and stays connected. */
export const stall = (socket: Pick<Socket, 'io'> | undefined): void =>
  void webSocketOf(socket)?._socket?.pause()

/** Resumes reading. */
export const resumeReading = (socket: Pick<Socket, 'io'> | undefined): void =>
  void webSocketOf(socket)?._socket?.resume()
