import type { Command } from './commands/command.ts'
import { wrongNumber } from './commands/command.ts'
import { HASH_COMMANDS } from './commands/hashes.ts'
import { KEY_COMMANDS } from './commands/keys.ts'
import { PUBLISH_COMMANDS } from './commands/publish.ts'
import { SESSION_COMMANDS } from './commands/session.ts'
import type { Server, SessionCommand } from './commands/session.ts'
import { SORTED_SET_COMMANDS } from './commands/sorted-sets.ts'
import { STREAM_COMMANDS } from './commands/streams.ts'
import type { Connection } from './connection.ts'
import type { Keyspace } from './keyspace.ts'
import { refuse, refuseInScript } from './refusals.ts'
import type { Refusals } from './refusals.ts'
import { ErrorReply, OK, Status } from './reply.ts'
import type { Reply } from './reply.ts'
import { WAIT_COMMANDS, waitOnReplica } from './wait.ts'
import type { Waiting } from './wait.ts'

const DATA_COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({ ...KEY_COMMANDS, ...HASH_COMMANDS, ...SORTED_SET_COMMANDS, ...STREAM_COMMANDS }),
)
const SERVER_COMMANDS: ReadonlyMap<string, SessionCommand> = new Map(
  Object.entries({ ...SESSION_COMMANDS, ...PUBLISH_COMMANDS }),
)
interface ExecutionDependencies {
  readonly server: Server
  readonly keyspace: Keyspace
  readonly waiting: Waiting
  readonly refusals: Refusals
  readonly settings: ReadonlyMap<string, string>
}

/** From the words of a command to its reply: who may, transactions, what is refused, and the commands of scripts. */
export class Execution {
  readonly #deps: ExecutionDependencies
  #hasScriptWritten = false

  constructor(deps: ExecutionDependencies) {
    this.#deps = deps
  }

  /** Returns undefined if the reply follows later. */
  run(connection: Connection, name: string, args: readonly string[]): Reply | undefined {
    try {
      if (!connection.isAuthenticated && !SERVER_COMMANDS.get(name)?.isFreeOfAuthentication)
        throw new ErrorReply('NOAUTH Authentication required.')
      return this.#transact(connection, name, args)
    } catch (error) {
      if (error instanceof ErrorReply) return error
      throw error
    }
  }

  #transact(connection: Connection, name: string, args: readonly string[]): Reply | undefined {
    const { queued } = connection
    if (name === 'multi') {
      if (queued !== undefined) throw new ErrorReply('ERR MULTI calls can not be nested')
      connection.queued = []
      return OK
    }
    if (name === 'exec' || name === 'discard') {
      if (queued === undefined) throw new ErrorReply(`ERR ${name.toUpperCase()} without MULTI`)
      connection.queued = undefined
      if (name === 'discard') return OK
      return queued.map(([one = '', ...words]) => this.#attempt(connection, one, words) ?? null)
    }
    if (queued === undefined) return this.#execute(connection, name, args)
    queued.push([name, ...args])
    return new Status('QUEUED')
  }

  #attempt(connection: Connection, name: string, args: readonly string[]): Reply | undefined {
    try {
      return this.#execute(connection, name, args)
    } catch (error) {
      if (error instanceof ErrorReply) return error
      throw error
    }
  }

  #execute(connection: Connection, name: string, args: readonly string[]): Reply | undefined {
    const data = DATA_COMMANDS.get(name)
    if (data !== undefined) {
      check(name, data, args)
      refuse(name, data, this.#deps.refusals)
      return data.run(this.#deps.keyspace, args)
    }
    const wait = this.#deps.server.version >= '7.2' || name === 'wait' ? WAIT_COMMANDS[name] : undefined
    const command = wait ?? SERVER_COMMANDS.get(name)
    if (command === undefined) throw unknownCommand(name, args)
    check(name, command, args)
    refuse(name, command, this.#deps.refusals)
    this.#hasScriptWritten = false
    if (wait === undefined) return SERVER_COMMANDS.get(name)?.run(this.#deps.server, connection, args)
    if (this.#deps.refusals.isReplica) throw new ErrorReply(waitOnReplica(name))
    return this.#deps.waiting.start(connection, wait.goalOf(args, this.#deps.settings))
  }

  callFromScript(name: string, args: readonly string[]): Reply {
    const command = DATA_COMMANDS.get(name)
    if (command === undefined && name !== 'spublish' && name !== 'publish')
      throw new ErrorReply('ERR Unknown Redis command called from script')
    const { arity } = command ?? { arity: 3 }
    if (arity > 0 ? args.length + 1 !== arity : args.length + 1 < -arity)
      throw new ErrorReply('ERR Wrong number of args calling Redis command from script')
    refuseInScript(name, command ?? {}, this.#deps.refusals, this.#hasScriptWritten)
    if (command === undefined)
      return this.#deps.server.publications.publish(
        name === 'publish' ? 'plain' : 'sharded',
        args[0] ?? '',
        args[1] ?? '',
      )
    if (command.isWrite) this.#hasScriptWritten = true
    return command.run(this.#deps.keyspace, args)
  }
}

function check(name: string, { arity }: Pick<Command, 'arity'>, args: readonly string[]): void {
  const count = args.length + 1
  if (arity > 0 ? count !== arity : count < -arity) throw wrongNumber(name)
}

const unknownCommand = (name: string, args: readonly string[]): ErrorReply =>
  new ErrorReply(
    `ERR unknown command '${name}', with args beginning with: ${args.map((word) => `'${word.slice(0, 128).replace(/\0.*/s, '')}' `).join('')}`,
  )
