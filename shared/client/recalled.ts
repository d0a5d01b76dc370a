import type { RecalledRequest, RecalledResponse, Refused } from '../protocol.ts'
import type { Conversation } from '../conversation.ts'
import type { RecalledAt } from '../message.ts'
import { RequestRefused } from './api.ts'
import type { Connection } from './connection.ts'

/** The protocol's limit. */
const SEQS_PER_REQUEST = 1_000

/** Returns those of `seqs` that are recalled. Rejects with `RequestRefused`. */
export async function lookUpRecalled(
  connection: Connection,
  conversation: Conversation,
  seqs: readonly number[],
): Promise<readonly RecalledAt[]> {
  const found: RecalledAt[] = []
  for (let i = 0; i < seqs.length; i += SEQS_PER_REQUEST) {
    const part = seqs.slice(i, i + SEQS_PER_REQUEST)
    found.push(...(await lookUpPart(connection, { ...conversation, seqs: part })))
  }
  return found
}

async function lookUpPart(connection: Connection, request: RecalledRequest): Promise<readonly RecalledAt[]> {
  const { socket, requests } = connection
  const wasConnected = connection.isConnected
  const response = await new Promise<RecalledResponse | Refused | undefined>((resolve) =>
    requests.send<RecalledResponse>((ack) => socket.emit('recalled', request, ack), resolve),
  )
  if (response?.ok) return response.recalled
  if (response === undefined && connection.isClosed)
    throw new RequestRefused({ code: 'CLOSED', message: 'this recall client is closed', retry: false })
  const message = wasConnected ? 'the gateway did not respond' : 'not connected to the gateway'
  throw new RequestRefused(response ?? { code: 'NO_ANSWER', message, retry: true })
}
