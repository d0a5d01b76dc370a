import type { Keyspace } from '../keyspace.ts'
import { ErrorReply } from '../reply.ts'
import type { Reply } from '../reply.ts'

/** A command on the keys, as scripts may also call it. */
export interface Command {
  /** Number of words, the name included; negative for at least as many. */
  readonly arity: number
  /** Refused on a replica. */
  readonly isWrite?: boolean
  /** Refused when memory is full. */
  readonly needsMemory?: boolean
  /** Accepted while the server loads its data. */
  readonly whileLoading?: boolean
  /** Runs it with its arguments, without the name. Throws an ErrorReply. */
  readonly run: (keyspace: Keyspace, args: readonly string[]) => Reply
}

export type Commands = Readonly<Record<string, Command>>

export const read = (arity: number, run: Command['run']): Command => ({ arity, run })
/** A write that frees memory, or leaves it as it is. */
export const write = (arity: number, run: Command['run']): Command => ({ arity, run, isWrite: true })
export const growth = (arity: number, run: Command['run']): Command => ({
  arity,
  run,
  isWrite: true,
  needsMemory: true,
})

export const wrongNumber = (name: string): ErrorReply =>
  new ErrorReply(`ERR wrong number of arguments for '${name}' command`)

/** Returns an argument that the arity vouches for. */
export const argument = (args: readonly string[], index: number): string => args[index] ?? ''
