import type { Socket } from 'socket.io-client'
import type { ClientToServer, Refused, ServerToClient } from '../protocol.ts'
import type { Silence } from './silence.ts'
import { thrownText } from './thrown.ts'

export type RecallSocket = Socket<ServerToClient, ClientToServer>

/** Requests of one socket. Each of them ends: with its answer, with its connection, or because the node is silent. */
export class Requests {
  readonly #socket: RecallSocket
  readonly #silence: Silence
  readonly #pending = new Set<() => void>()

  constructor(socket: RecallSocket, silence: Silence) {
    this.#socket = socket
    this.#silence = silence
    socket.on('disconnect', () => {
      for (const end of this.#pending) end()
      // What was sent while the heartbeat was overdue. It would be sent again on the next connection, before anything else.
      socket.sendBuffer = []
    })
  }

  /**
   * Sends a request, and calls `onAnswer` once: with the answer, in the turn in which it arrives, or with undefined if there
   * is none. While disconnected, it sends nothing: Socket.IO would keep it for the next connection. What cannot be sent, such
   * as a bigint, is refused here, as the gateway would refuse it: the error would keep other requests from being sent.
   */
  send<Answer>(
    emit: (ack: (answer?: Answer | Refused) => void) => void,
    onAnswer: (answer: Answer | Refused | undefined) => void,
  ): void {
    if (!this.#socket.connected) return onAnswer(undefined)
    const settle = (answer?: Answer | Refused): void => {
      if (!this.#pending.delete(end)) return
      stopWatching()
      onAnswer(answer)
    }
    const end = (): void => settle()
    const stopWatching = this.#silence.watch(end)
    this.#pending.add(end)
    try {
      emit(settle)
    } catch (error) {
      const message = `the request cannot be sent: ${thrownText(error)}`
      settle({ ok: false, code: 'REQUEST_MALFORMED', message, retry: false })
    }
  }
}
