import type { Command } from './commands/command.ts'
import { argument } from './commands/command.ts'
import type { Connection } from './connection.ts'
import type { Durability } from './durability.ts'
import { toInteger } from './numbers.ts'
import { ErrorReply } from './reply.ts'
import type { Reply } from './reply.ts'

/** What a WAIT waits for. */
interface Goal {
  /** Copies on disk here, 0 or 1; undefined for WAIT, which asks for none. */
  readonly local: number | undefined
  readonly replicas: number
  /** 0 = forever. */
  readonly timeoutMs: number
}

interface WaitCommand extends Omit<Command, 'run'> {
  readonly goalOf: (args: readonly string[], settings: ReadonlyMap<string, string>) => Goal
}

const toTimeout = (text: string): number => {
  const ms = toInteger(text, 'ERR timeout is not an integer or out of range')
  if (ms < 0) throw new ErrorReply('ERR timeout is negative')
  return ms
}

export const WAIT_COMMANDS: Readonly<Record<string, WaitCommand>> = {
  wait: {
    arity: 3,
    goalOf: ([replicas = '', timeout = '']) => ({
      local: undefined,
      replicas: toInteger(replicas),
      timeoutMs: toTimeout(timeout),
    }),
  },
  waitaof: {
    arity: 4,
    goalOf(args, settings) {
      const [local, replicas] = [toInteger(argument(args, 0)), toInteger(argument(args, 1))]
      if (local < 0 || local > 1) throw new ErrorReply('ERR value is out of range, must be between 0 and 1')
      if (replicas < 0) throw new ErrorReply('ERR value is out of range, must be positive')
      const timeoutMs = toTimeout(argument(args, 2))
      if (local > 0 && settings.get('appendonly') !== 'yes')
        throw new ErrorReply('ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.')
      return { local, replicas, timeoutMs }
    },
  },
}

export const waitOnReplica = (name: string): string =>
  `ERR ${name.toUpperCase()} cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.`

interface Waiter {
  readonly goal: Goal
  readonly position: number
  cancel: () => void
}

/** Connections that wait for replicas or the disk. */
export class Waiting {
  readonly #waiters = new Map<Connection, Waiter>()
  readonly #durability: Durability
  readonly #later: ((ms: number, callback: () => void) => () => void) | undefined

  constructor(durability: Durability, later: ((ms: number, callback: () => void) => () => void) | undefined) {
    this.#durability = durability
    this.#later = later
  }

  /** Returns the reply if the goal is reached already; otherwise it comes later. */
  start(connection: Connection, goal: Goal): Reply | undefined {
    const position = connection.writtenTo
    if (this.#later === undefined || this.#isReached(goal, position)) return this.#replyTo(goal, position)
    connection.block()
    const waiter: Waiter = { goal, position, cancel: () => undefined }
    this.#waiters.set(connection, waiter)
    if (goal.timeoutMs > 0) waiter.cancel = this.#later(goal.timeoutMs, () => this.#end(connection, waiter))
    return undefined
  }

  /** To be called when replicas or the disk have got further. */
  check(): void {
    for (const [connection, waiter] of this.#waiters)
      if (this.#isReached(waiter.goal, waiter.position)) this.#end(connection, waiter)
  }

  drop(connection: Connection): void {
    this.#waiters.get(connection)?.cancel()
    this.#waiters.delete(connection)
  }

  #end(connection: Connection, { goal, position }: Waiter): void {
    this.drop(connection)
    connection.unblock(this.#replyTo(goal, position))
  }

  #isReached({ local = 0, replicas }: Goal, position: number): boolean {
    const isLocal = local === 0 || this.#durability.synced >= position
    return isLocal && this.#durability.countReplicas(position) >= replicas
  }

  #replyTo({ local }: Goal, position: number): Reply {
    const replicas = this.#durability.countReplicas(position)
    return local === undefined ? replicas : [Number(this.#durability.synced >= position), replicas]
  }
}
