import type { Server, Socket } from 'socket.io'
import type { ClientToServer, ServerToClient } from '../../../shared/protocol.ts'
import type { Principal } from '../../auth/principal.ts'

type NoEvents = Record<string, never>

interface SocketData {
  principal: Principal
}

/** The Socket.IO server and its sockets, with the events of the protocol. */
export type GatewaySockets = Server<ClientToServer, ServerToClient, NoEvents, SocketData>
export type GatewaySocket = Socket<ClientToServer, ServerToClient, NoEvents, SocketData>
