import type { Duplex } from 'node:stream'
import type { Session } from './commands/session.ts'
import { ErrorReply } from './reply.ts'
import type { Protocol, Reply } from './reply.ts'
import { CommandParser, encodePush, encodeReply } from './resp.ts'

interface ConnectionEvents {
  /** Runs a command. Returns undefined if the reply comes later, or was sent already. */
  readonly onCommand: (connection: Connection, words: readonly string[]) => Reply | undefined
  /** Called when all that has arrived is done, and once for each push to a connection that is idle. */
  readonly onOutput: (connection: Connection) => void
  readonly onClose: (connection: Connection) => void
  /** Whether to leave what arrives for later. */
  readonly isPaused: () => boolean
}

/** The end of a connection at the server. */
export class Connection implements Session {
  readonly id: number
  protocol: Protocol = 2
  name = ''
  isAuthenticated: boolean
  readonly channels = { plain: new Set<string>(), sharded: new Set<string>() }
  /** The commands of a transaction; undefined outside of one. */
  queued: (readonly string[])[] | undefined
  /** The position of the journal after its latest command. */
  writtenTo = 0
  readonly #stream: Duplex
  readonly #events: ConnectionEvents
  readonly #parser = new CommandParser()
  #output = ''
  #isBlocked = false
  #isRunning = false
  #isEnding = false
  #isClosed = false

  constructor(id: number, stream: Duplex, isAuthenticated: boolean, events: ConnectionEvents) {
    this.id = id
    this.isAuthenticated = isAuthenticated
    this.#stream = stream
    this.#events = events
    stream.on('data', (chunk: Buffer) => {
      this.#parser.add(chunk)
      this.proceed()
    })
    stream.on('error', () => this.close())
    stream.on('end', () => this.close())
    stream.on('close', () => this.close())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether commands wait until `unblock`. */
  block(): void {
    this.#isBlocked = true
  }

  /** Sends the reply that was waited for, and runs the commands that came since. */
  unblock(reply: Reply): void {
    this.#isBlocked = false
    this.#output += encodeReply(reply, this.protocol)
    this.proceed()
  }

  /** Runs all commands that have arrived. */
  proceed(): void {
    if (this.#isRunning || this.#events.isPaused()) return
    this.#isRunning = true
    try {
      while (!this.#isBlocked && !this.#isClosed && !this.#isEnding) {
        const words = this.#parser.next()
        if (words === undefined) break
        const reply = this.#events.onCommand(this, words)
        if (reply !== undefined) this.#output += encodeReply(reply, this.protocol)
      }
    } catch (error) {
      if (!(error instanceof ErrorReply)) throw error
      this.#output += encodeReply(error, this.protocol)
      this.#isEnding = true
    } finally {
      this.#isRunning = false
    }
    this.#events.onOutput(this)
  }

  push(items: readonly Reply[]): void {
    const isFirst = this.#output === ''
    this.#output += encodePush(items, this.protocol)
    if (isFirst && !this.#isRunning) this.#events.onOutput(this)
  }

  /** Hands the output to the stream. */
  flush(): void {
    if (this.#isClosed || this.#isRunning) return
    if (this.#output !== '') this.#stream.write(Buffer.from(this.#output, 'latin1'))
    this.#output = ''
    if (this.#isEnding) this.close()
  }

  end(): void {
    this.#isEnding = true
  }

  /** Closes the connection without a word. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#events.onClose(this)
    this.#stream.destroy()
  }
}
