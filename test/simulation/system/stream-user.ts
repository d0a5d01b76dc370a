import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { PlainListener } from './plain-listener.ts'
import { PlainListener as Listener, queryOf } from './plain-listener.ts'
import { User } from './user.ts'
import type { Page } from './user.ts'
import { wait } from './wait.ts'

const RETRY_MS = 1_000
/** As the documents say: nothing at all for so long, and the connection is dead. */
const SILENCE_MS = 10_000

/** A person without WebSocket: a stream of server-sent events for each room. */
export class StreamUser extends User {
  protected begin(life: number): Page {
    const { spec, history, storage } = this
    if (spec.store === 'memory') storage.clear()
    const streams = spec.listeners.map((habit) => {
      const listener = new Listener(habit, { user: spec.name, life, history, storage, by: 'stream' })
      return new Stream(
        listener,
        () => this.tokens.give(life),
        (hasGoodbye) =>
          history.add({ kind: 'ended', user: spec.name, life, listener: listener.name, hasGoodbye }),
      )
    })
    for (const stream of streams) void stream.run()
    return {
      close: () => {
        for (const stream of streams) stream.close()
      },
      again: () => {
        for (const stream of streams) stream.again()
      },
    }
  }
}

/** Opens a stream, and the next one when it has ended. */
class Stream {
  readonly #listener: PlainListener
  readonly #getToken: () => Promise<string>
  readonly #onEnded: (hasGoodbye: boolean) => void
  #isClosed = false
  #call: ClientRequest | undefined
  /** Refused for good, until a person acts. */
  #wakeUp: (() => void) | undefined

  /** `onEnded`: a stream has ended that had begun, and not by the page. */
  constructor(
    listener: PlainListener,
    getToken: () => Promise<string>,
    onEnded: (hasGoodbye: boolean) => void,
  ) {
    this.#listener = listener
    this.#getToken = getToken
    this.#onEnded = onEnded
  }

  async run(): Promise<void> {
    while (!this.#isClosed) {
      const token = await this.#getToken().catch(() => '')
      // Pages are closed while their token is on its way.
      if (this.#isClosed) return
      const mayRetry = token.startsWith('ey') ? await this.#follow(token) : true
      if (this.#isClosed) return
      if (mayRetry) await wait(RETRY_MS)
      else await new Promise<void>((resolve) => (this.#wakeUp = resolve))
    }
  }

  close(): void {
    this.#isClosed = true
    this.#call?.destroy()
  }

  again(): void {
    this.#wakeUp?.()
  }

  /** Resolves when the stream has ended, to whether another one may do better without a person's help. */
  #follow(token: string): Promise<boolean> {
    const listener = this.#listener
    const { position, room } = listener
    listener.connecting()
    const query = new URLSearchParams({
      ...queryOf(room),
      ...(position && { since: `${position.epoch}:${position.offset}` }),
    })
    return new Promise((resolve) => {
      let mayRetry = true
      let [hasBegun, hasGoodbye] = [false, false]
      const path = `/v1/stream?${query.toString()}`
      const headers = { authorization: `Bearer ${token}`, host: 'nodes', accept: 'text/event-stream' }
      const call = request({ host: 'nodes', port: 80, path, headers, agent: false }, (response) => {
        readEvents(response, (name, data) => {
          if (response.statusCode !== 200) return
          hasBegun = true
          if (name === 'goodbye' || name === 'unsubscribed') hasGoodbye = true
          mayRetry = handle(listener, name, data) ?? mayRetry
        })
        if (response.statusCode !== 200)
          readAll(response, (text) => {
            const { code = '', retry = true } = parse(text) as { code?: string; retry?: boolean }
            // The next one brings another token.
            mayRetry = retry || code === 'TOKEN_REFUSED'
            listener.refused(code, mayRetry)
          })
      })
      this.#call = call
      call.setTimeout(SILENCE_MS, () => {
        hasBegun = false
        call.destroy()
      })
      call.on('error', () => undefined)
      call.once('close', () => {
        if (mayRetry) listener.paused('offline')
        if (hasBegun && !this.#isClosed) this.#onEnded(hasGoodbye)
        resolve(mayRetry)
      })
      call.end()
    })
  }
}

/** Returns whether to open another stream, once that is known. */
function handle(listener: PlainListener, name: string, data: Record<string, never>): boolean | undefined {
  if (name === 'subscribed') listener.answered(data as never)
  else if (name === 'messages-recalled') listener.notices(data['epoch'] ?? '', data['notices'] ?? [])
  else if (name === 'gap') listener.gap(data['reason'] ?? '', data['position'] as never)
  else if (name === 'delivery') listener.proved(data['proved'] === true, 'rooms' in data ? 'room' : 'node')
  else if (name === 'unsubscribed') {
    listener.refused(data['code'] ?? '', data['retry'] === true)
    return data['retry'] === true
  } else if (name === 'goodbye') {
    const code = Number(data['code'])
    if (code >= 4500) listener.refused(String(code), false)
    return code < 4500
  }
  return undefined
}

function readEvents(
  response: IncomingMessage,
  onEvent: (name: string, data: Record<string, never>) => void,
): void {
  let text = ''
  response.setEncoding('utf8').on('data', (part: string) => {
    const blocks = (text + part).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block)?.[1]
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (name !== undefined && data !== undefined) onEvent(name, parse(data))
    }
  })
  response.on('error', () => undefined)
}

function readAll(response: IncomingMessage, onText: (text: string) => void): void {
  let text = ''
  response.on('data', (part: string) => (text += part))
  response.once('end', () => onText(text))
}

function parse(text: string): Record<string, never> {
  try {
    return JSON.parse(text) as Record<string, never>
  } catch {
    return {}
  }
}
