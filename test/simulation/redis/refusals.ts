import type { Command } from './commands/command.ts'
import { ErrorReply } from './reply.ts'

/** What a server refuses, and may at any moment. */
export interface Refusals {
  /** Its memory is full. */
  isFull: boolean
  /** It is a replica that accepts no writes. */
  isReplica: boolean
  /** It still loads its data. */
  isLoading: boolean
  /** Its disk fails: it accepts no writes. */
  cannotSave: boolean
  /** Too few replicas are connected: it accepts no writes. */
  lacksReplicas: boolean
  /** Names of commands that the user may not run, in lower case. */
  denied: ReadonlySet<string>
}

export const NO_REFUSALS: Refusals = {
  isFull: false,
  isReplica: false,
  isLoading: false,
  cannotSave: false,
  lacksReplicas: false,
  denied: new Set(),
}

const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'."
const READ_ONLY = "READONLY You can't write against a read only replica."
const LOADING = 'LOADING Redis is loading the dataset in memory'
const MISCONFIGURED =
  'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.'
const NO_REPLICAS = 'NOREPLICAS Not enough good replicas to write.'

type Needs = Pick<Command, 'isWrite' | 'needsMemory' | 'whileLoading'>

/** Throws the refusal of a command that a client sent. */
export function refuse(name: string, command: Needs, now: Refusals): void {
  if (now.denied.has(name))
    throw new ErrorReply(`NOPERM this user has no permissions to run the '${name}' command`)
  if (isOutOfMemory(command, now)) throw new ErrorReply(OUT_OF_MEMORY)
  if (command.isWrite) refuseWrite(now)
  if (now.isLoading && !command.whileLoading) throw new ErrorReply(LOADING)
}

/** Throws the refusal of a command that a script calls. A script that has written may go on when memory is full. */
export function refuseInScript(name: string, command: Needs, now: Refusals, hasWritten: boolean): void {
  if (now.denied.has(name))
    throw new ErrorReply("ERR The user executing the script can't run this command or subcommand")
  if (command.isWrite) refuseWrite(now)
  if (isOutOfMemory(command, now) && !hasWritten) throw new ErrorReply(OUT_OF_MEMORY)
}

/** Replicas do not care: they are to have what their master has. */
const isOutOfMemory = ({ needsMemory = false }: Needs, { isFull, isReplica }: Refusals): boolean =>
  needsMemory && isFull && !isReplica

function refuseWrite({ cannotSave, lacksReplicas, isReplica }: Refusals): void {
  if (cannotSave) throw new ErrorReply(MISCONFIGURED)
  if (lacksReplicas) throw new ErrorReply(NO_REPLICAS)
  if (isReplica) throw new ErrorReply(READ_ONLY)
}
