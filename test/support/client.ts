import { SignJWT } from 'jose'
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type { MemberNotice, Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type {
  ClientToServer,
  Delivery,
  Gap,
  Goodbye,
  Hello,
  OpeningAnswer,
  RecalledResponse,
  Refreshed,
  Refused,
  ServerToClient,
  SubscribeRequest,
  Subscribed,
  Unsubscribed,
} from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import { JWT_SECRET } from './gateway-process.ts'
import { withTimeout, waitUntil } from './wait.ts'
import { seqsOf } from './seqs.ts'

interface Claims {
  readonly sub?: string
  readonly role?: string
  readonly rooms?: unknown
  readonly ttlS?: number
}

/** Signs a token as the app's backend would. */
export const makeToken = (
  { sub = 'user-1', ttlS = 600, ...claims }: Claims = {},
  secret = JWT_SECRET,
): Promise<string> =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + ttlS)
    .sign(new TextEncoder().encode(secret))

export const adminToken = (): Promise<string> => makeToken({ sub: 'admin-1', role: 'admin' })

type Acknowledgement = Subscribed | RecalledResponse | Refreshed | Refused

interface Received {
  readonly room: Room
  readonly epoch: string
  readonly notice: Notice | MemberNotice
}

/** A plain socket.io-client that records everything it receives. */
export interface Client {
  readonly socket: Socket<ServerToClient, ClientToServer>
  readonly received: Received[]
  /** What the node told about the connection. Throws if it has not. */
  hello(): Hello
  /** To the requests that went with the handshake. */
  readonly answers: OpeningAnswer[]
  readonly gaps: Gap[]
  readonly goodbyes: Goodbye[]
  readonly unsubscribed: Unsubscribed[]
  /** Each with when it came, by `performance.now()`, and how many notices had come before. */
  readonly deliveries: (Delivery & { readonly atMs: number; readonly notices: number })[]
  /** The seqs of all messages received, in order. */
  seqs(): number[]
  /** Asks again as long as the broker is unavailable, as on a slow disk. Rejects if the request is refused. */
  subscribe(request: SubscribeRequest): Promise<Subscribed>
  request(payload: unknown, event?: keyof ClientToServer): Promise<Acknowledgement>
  /** Resolves once this many notices have arrived. Rejects if there are more, or too few in time. */
  count(notices: number): Promise<Received[]>
  /** The position after the last notice received. */
  position(): Position
  close(): void
}

/** How long a broker may be unavailable, because its disk or the machine is busy. */
const SLOW_DISK_MS = 15_000

interface ConnectOptions {
  readonly reconnection?: boolean
  /** Instead of a token. */
  readonly auth?: Readonly<Record<string, unknown>>
  readonly extraHeaders?: Readonly<Record<string, string>>
  /** The certificate to trust, in PEM. */
  readonly ca?: string
}

/** Connects. Resolves after the handshake, or rejects with its error. */
export async function connect(url: string, token?: string, options: ConnectOptions = {}): Promise<Client> {
  const socket: Socket<ServerToClient, ClientToServer> = io(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: options.reconnection ?? false,
    ...(options.extraHeaders && { extraHeaders: { ...options.extraHeaders } }),
    ...(options.ca !== undefined && { ca: options.ca }),
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
    auth: options.auth ?? (token === undefined ? {} : { token }),
  })
  const received: Received[] = []
  const gaps: Gap[] = []
  const goodbyes: Goodbye[] = []
  const unsubscribed: Unsubscribed[] = []
  const hellos: Hello[] = []
  socket.on('hello', (hello) => hellos.push(hello))
  const answers: OpeningAnswer[] = []
  // No answer comes before `hello`.
  socket.on('subscribed', (answer) => hellos.length > 0 && answers.push(answer))
  const deliveries: Client['deliveries'] = []
  socket.on('delivery', (delivery) =>
    deliveries.push({ ...delivery, atMs: performance.now(), notices: received.length }),
  )
  socket.on('messages-recalled', ({ room, epoch, notices }) => {
    for (const notice of notices) received.push({ room, epoch, notice })
  })
  socket.on('gap', (gap) => gaps.push(gap))
  socket.on('unsubscribed', (one) => unsubscribed.push(one))
  socket.on('goodbye', (goodbye) => goodbyes.push(goodbye))

  const opened = new Promise<void>((resolve, reject) => {
    // The first event of the connection.
    socket.once('hello', () => resolve())
    socket.once('connect_error', reject)
  })
  await withTimeout('the handshake', opened).catch((error: unknown) => {
    socket.close()
    throw error
  })

  const request: Client['request'] = (payload, event = 'subscribe') =>
    withTimeout(
      `the response to ${event}`,
      socket.emitWithAck(event, payload as never) as Promise<Acknowledgement>,
    )

  return {
    socket,
    received,
    hello() {
      const hello = hellos.at(-1)
      if (hello === undefined) throw new Error('no hello was received')
      return hello
    },
    answers,
    gaps,
    goodbyes,
    unsubscribed,
    deliveries,
    seqs: () => received.flatMap(({ notice }) => seqsOf(notice.messages)),
    request,
    async subscribe(payload) {
      const response = await waitUntil(
        'the broker is there',
        async () => {
          const answer = await request(payload)
          return (answer.ok || answer.code !== 'BROKER_UNAVAILABLE') && answer
        },
        SLOW_DISK_MS,
      )
      if (!response.ok) throw new Error(`refused: ${response.code} ${response.message}`)
      if (!('position' in response)) throw new Error('not the response to subscribe')
      return response
    },
    async count(notices) {
      await waitUntil(`${notices} notices, ${received.length} at first`, () => received.length >= notices)
      if (received.length > notices) throw new Error(`${received.length} notices instead of ${notices}`)
      return received
    },
    position() {
      const last = received.at(-1)
      if (last === undefined) throw new Error('no notice was received yet')
      return { epoch: last.epoch, offset: last.notice.offset }
    },
    close: () => void socket.close(),
  }
}
