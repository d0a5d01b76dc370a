import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Requests that may wait on a connection for the one before them. Far more than clients pipeline; most of them never do. */
const MAX_WAITING = 10

/** A request and its response, beside the text of the request. */
const REQUEST_BYTES = 2_000

interface Line {
  /** Whose turn it is; undefined while the connection is idle. */
  current: ServerResponse | undefined
  readonly waiting: [IncomingMessage, ServerResponse][]
}

interface TurnListeners {
  /** A request begins on an idle connection. */
  readonly onBusy: (connection: Socket) => void
  /** Every request has been answered. */
  readonly onIdle: (connection: Socket) => void
  /** More requests wait than may. The connection is to be destroyed. */
  readonly onOverflow: (connection: Socket) => void
}

interface Turns {
  /** Takes a request, and serves it when it is its turn. */
  readonly serve: RequestListener
  /** Returns the response whose turn it is on a connection; undefined if it is idle. */
  readonly currentOf: (connection: Duplex) => ServerResponse | undefined
  /** Returns how many bytes the requests take that wait on a connection. */
  readonly waitingBytesOf: (connection: Duplex) => number
}

/**
 * Serves the requests of each connection one at a time. Node announces pipelined requests all at once, and if the connection
 * is cut, only the response whose turn it is emits `close`: whatever the others hold would never be released.
 */
export function serveInTurn(serve: RequestListener, listeners: TurnListeners): Turns {
  const lines = new WeakMap<Duplex, Line>()

  // One function for all responses. Emitted once the response has been sent, or the connection is gone.
  function serveNext(this: ServerResponse): void {
    const { socket } = this.req
    const line = lines.get(socket)
    if (line?.current !== this) return
    const [request, response] = line.waiting.shift() ?? []
    line.current = response
    if (!socket.writable) {
      line.current = undefined
      line.waiting.length = 0
    } else if (request === undefined || response === undefined) {
      listeners.onIdle(socket)
    } else {
      begin(request, response)
    }
  }

  function begin(request: IncomingMessage, response: ServerResponse): void {
    response.on('close', serveNext)
    serve(request, response)
  }

  function take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    // Being closed: the response would go nowhere.
    if (!socket.writable) return
    let line = lines.get(socket)
    if (line === undefined) lines.set(socket, (line = { current: undefined, waiting: [] }))
    if (line.current === undefined) {
      line.current = response
      listeners.onBusy(socket)
      begin(request, response)
    } else if (line.waiting.length < MAX_WAITING) {
      line.waiting.push([request, response])
    } else {
      line.waiting.length = 0
      stopParsing(socket)
      listeners.onOverflow(socket)
    }
  }

  return {
    serve: take,
    currentOf: (connection) => lines.get(connection)?.current,
    waitingBytesOf: (connection) => {
      const waiting = lines.get(connection)?.waiting ?? []
      return waiting.reduce((sum, [request]) => sum + bytesOf(request), 0)
    },
  }
}

const bytesOf = ({ url = '', rawHeaders }: IncomingMessage): number =>
  rawHeaders.reduce((sum, text) => sum + text.length, REQUEST_BYTES + url.length)

/**
 * Makes Node's parser give up at the next request. Otherwise it would go on through what has arrived, although the
 * connection is destroyed: up to 64 KiB, 25 ms for the shortest requests.
 */
function stopParsing(socket: Socket): void {
  const { parser } = socket as { readonly parser?: { onIncoming?: () => number } | null }
  if (parser) parser.onIncoming = () => -1
}
