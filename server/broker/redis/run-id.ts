import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import { fieldOf } from './persistence.ts'

/** Returns the id that a server has until it is started again; undefined if it does not tell. Rejects if it does not reply. */
export async function readRunId(commands: Pick<Connection['client'], 'info'>): Promise<string | undefined> {
  try {
    const info = await withTimeout(COMMAND_TIMEOUT_MS, commands.info('server'))
    return fieldOf(info, 'run_id')
  } catch (error) {
    const reply = error instanceof Error ? (error.cause ?? error) : undefined
    if (reply instanceof Error && reply.name === 'ReplyError') return undefined
    throw error
  }
}
