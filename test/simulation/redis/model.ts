import type { Duplex } from 'node:stream'
import type { Server } from './commands/session.ts'
import { Connection } from './connection.ts'
import { Durability } from './durability.ts'
import { Execution } from './execution.ts'
import { infoOf } from './info.ts'
import { Journal } from './journal.ts'
import { Keyspace } from './keyspace.ts'
import type { Snapshot } from './keyspace.ts'
import { Publications } from './publications.ts'
import { NO_REFUSALS } from './refusals.ts'
import type { Refusals } from './refusals.ts'
import type { Reply } from './reply.ts'
import { Scripts } from './scripts.ts'
import { Waiting } from './wait.ts'

/** Commands after which all keys are looked through for those that have expired. */
const COMMANDS_PER_SWEEP = 20_000

export interface RedisModelOptions {
  /** The clock of the server: ms since 1970. */
  readonly now: () => number
  /** Calls back after so many ms, unless cancelled: for WAIT, which has a timeout. Without, WAIT replies at once. */
  readonly later?: (ms: number, callback: () => void) => () => void
  /** Default: the version whose behaviour it has. WAITAOF is known from 7.2 on. */
  readonly version?: string
  readonly password?: string
  /** Default: 0. */
  readonly replicas?: number
  /** As `appendfsync`; `no` also stands for no append-only file at all. Default: `no`. */
  readonly fsync?: 'always' | 'everysec' | 'no'
}

/**
 * A Redis server without network, disk, clock and chance of its own: it replies when bytes arrive. The scripts of the gateway
 * run in it, translated to JavaScript.
 */
export class RedisModel {
  /** What it refuses from now on. */
  readonly refusals: Refusals = { ...NO_REFUSALS }
  /** As CONFIG GET and SET. */
  readonly settings: Map<string, string>
  /** Lines of INFO that replace others. */
  readonly infoOverrides: Record<string, string | number> = {}
  readonly durability: Durability
  readonly #journal = new Journal()
  readonly #keyspace: Keyspace
  readonly #publications = new Publications()
  readonly #scripts: Scripts
  readonly #waiting: Waiting
  readonly #connections = new Set<Connection>()
  readonly #unsent = new Set<Connection>()
  readonly #server: Server
  readonly #execution: Execution
  readonly #options: RedisModelOptions
  #startedAtMs: number
  #runs = 1
  #lastId = 0
  #commands = 0
  #isPaused = false

  constructor(options: RedisModelOptions) {
    const { now, version = '7.0.15', replicas = 0, fsync = 'no', later } = options
    this.#options = options
    this.#startedAtMs = now()
    this.#keyspace = new Keyspace(this.#journal, now)
    this.durability = new Durability({ replicas, syncsAlways: fsync === 'always' }, () =>
      this.#waiting.check(),
    )
    this.#waiting = new Waiting(this.durability, later)
    this.settings = new Map([
      ['save', fsync === 'no' ? '' : '3600 1 300 100 60 10000'],
      ['appendonly', fsync === 'no' ? 'no' : 'yes'],
      ['appendfsync', fsync === 'no' ? 'everysec' : fsync],
      ['maxmemory', '0'],
      ['maxmemory-policy', 'noeviction'],
    ])
    this.#scripts = new Scripts({
      call: (name, args) => this.#execution.callFromScript(name, args),
      mayRun: (name) => !this.refusals.denied.has(name),
    })
    const { refusals } = this
    this.#server = {
      version,
      password: options.password,
      settings: this.settings,
      scripts: this.#scripts,
      publications: this.#publications,
      get isReplica() {
        return refusals.isReplica
      },
      info: (section) => this.#info(section),
    }
    this.#execution = new Execution({
      server: this.#server,
      keyspace: this.#keyspace,
      waiting: this.#waiting,
      refusals,
      settings: this.settings,
    })
  }

  /** Serves a connection: `stream` is the end of the server. */
  connect(stream: Duplex): void {
    const isAuthenticated = this.#options.password === undefined
    const connection = new Connection(++this.#lastId, stream, isAuthenticated, {
      onCommand: (sender, words) => this.#run(sender, words),
      onOutput: (sender) => this.#send(sender),
      onClose: (closed) => this.#drop(closed),
      isPaused: () => this.#isPaused,
    })
    this.#connections.add(connection)
  }

  /** Counts commands. */
  get commands(): number {
    return this.#commands
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#connections.size
  }

  /** How many channels have subscribers. */
  get channels(): number {
    return this.#publications.channels('plain').length + this.#publications.channels('sharded').length
  }

  closeConnections(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** Leaves everything that arrives unanswered, until `resume`: the process is stopped, its connections stay. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    for (const connection of this.#connections) connection.proceed()
  }

  /** Counts the writes; for `rollBackTo`. */
  get position(): number {
    return this.#journal.position
  }

  /** Copies all keys. */
  snapshot(): Snapshot {
    return this.#keyspace.snapshot()
  }

  /** Replaces all keys. What was written before cannot be rolled back any more. */
  restore(snapshot: Snapshot): void {
    this.#keyspace.restore(snapshot)
    this.#journal.reset(this.#journal.position)
    this.durability.rolledBack(this.#journal.position)
  }

  /** Forgets the latest writes, silently: behind a proxy, another server takes its place. Connections and scripts stay. */
  rollBack(writes: number): void {
    this.#runs++
    this.rollBackTo(Math.max(this.#journal.oldest, this.#journal.position - writes))
  }

  rollBackTo(position: number): void {
    this.#journal.rollBackTo(position)
    this.durability.rolledBack(this.#journal.position)
  }

  /** As FLUSHALL from another client. */
  flush(): void {
    this.#keyspace.clear()
    this.#commit()
  }

  /** As SCRIPT FLUSH from another client. */
  forgetScripts(): void {
    this.#scripts.forget()
  }

  /** Ends the process and starts it anew: with all writes, those that were on disk, or none. Connections and scripts are lost. */
  restart(keeps: 'all' | 'synced' | 'nothing'): void {
    this.closeConnections()
    if (keeps === 'synced') this.rollBackTo(this.durability.synced)
    else if (keeps === 'nothing') {
      this.#keyspace.restore(new Map())
      this.#journal.reset(this.#journal.position)
    }
    this.#scripts.forget()
    this.#startedAtMs = this.#options.now()
    this.#runs++
  }

  /** Makes a replica the master: what it lacks is lost, with all connections and scripts. */
  failOver(replica = 0): void {
    const { applied } = this.durability.replicas[replica] ?? {}
    if (applied === undefined) throw new Error(`no replica ${replica}`)
    this.closeConnections()
    this.rollBackTo(applied)
    this.#scripts.forget()
    this.#runs++
  }

  #run(connection: Connection, words: readonly string[]): Reply | undefined {
    if (++this.#commands % COMMANDS_PER_SWEEP === 0) this.#keyspace.keys()
    const [word = '', ...args] = words
    const name = word.toLowerCase()
    try {
      return this.#execution.run(connection, name, args)
    } finally {
      this.#commit()
      if (name !== 'wait' && name !== 'waitaof') connection.writtenTo = this.#journal.position
    }
  }

  #commit(): void {
    if (!this.#journal.commit()) return
    this.durability.wrote(this.#journal.position)
    this.#waiting.check()
  }

  #send(connection: Connection): void {
    this.#unsent.add(connection)
    if (this.#isPaused) return
    for (const one of this.#unsent) {
      this.#unsent.delete(one)
      one.flush()
    }
  }

  #drop(connection: Connection): void {
    this.#connections.delete(connection)
    this.#unsent.delete(connection)
    this.#waiting.drop(connection)
    for (const kind of ['plain', 'sharded'] as const)
      for (const channel of connection.channels[kind])
        this.#publications.unsubscribe(kind, channel, connection)
  }

  #info(section: string | undefined): string {
    const { isReplica, isLoading } = this.refusals
    return infoOf(
      {
        version: this.#server.version,
        runId: this.#runs.toString(16).padStart(40, '0'),
        isReplica,
        isLoading,
        startedAtMs: this.#startedAtMs,
        nowMs: this.#options.now(),
        replicas: this.durability.replicas.length,
        writes: this.#journal.position,
        connections: this.#connections.size,
        settings: this.settings,
        overrides: this.infoOverrides,
      },
      section,
    )
  }
}
