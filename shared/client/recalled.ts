import type { Conversation } from '../conversation.ts'
import { isRecord } from '../json.ts'
import type { MessageName, RecalledAt } from '../message.ts'
import type { RecalledRequest, RecalledResponse, Refused } from '../protocol.ts'
import { RequestRefused } from './api.ts'
import type { Connection } from './connection.ts'

/** The protocol's limit. */
const MESSAGES_PER_REQUEST = 1_000
/** So many bytes of keys fit in a request, with everything else in it. */
const KEY_BYTES_PER_REQUEST = 16_384

/** Returns those of the messages that are recalled. Rejects with `RequestRefused`. */
export async function lookUpRecalled(
  connection: Connection,
  conversation: Conversation,
  names: readonly MessageName[],
): Promise<readonly RecalledAt[]> {
  const found: RecalledAt[] = []
  for (let i = 0; i < names.length;) {
    const part = partFrom(names, i)
    const messages = isKeyed(conversation) ? { keys: part } : { seqs: part }
    // What an app without types asks is checked by the gateway, which names what is wrong.
    found.push(...(await lookUpPart(connection, { ...conversation, ...messages } as RecalledRequest)))
    i += part.length
  }
  return found
}

const isKeyed = (conversation: unknown): boolean =>
  isRecord(conversation) && Boolean(conversation['c2c'] ?? conversation['official'])

/** Returns as many as one request may ask about, and at least one. */
function partFrom(names: readonly MessageName[], from: number): readonly MessageName[] {
  const limit = Math.min(names.length, from + MESSAGES_PER_REQUEST)
  let [to, bytes] = [from, 0]
  while (to < limit) {
    const name = names[to]
    if (typeof name === 'string') bytes += new TextEncoder().encode(JSON.stringify(name)).length + 1
    if (to > from && bytes > KEY_BYTES_PER_REQUEST) break
    to++
  }
  return names.slice(from, to)
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
