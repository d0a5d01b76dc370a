import type { Connection } from './connection/connection.ts'
import { toArray } from './scripts.ts'

/** The settings of the server that decide about what a power cut costs. */
export interface ServerSettings {
  /** The schedule of snapshots; empty if there is none. */
  readonly save: string
  readonly appendfsync: string
  readonly syncsDuringRewrite: boolean
}

/** A refused CONFIG would leave a trace in the log of the server, each time. Some servers do not know the command. */
const MAY_READ = "return redis.acl_check_cmd and redis.acl_check_cmd('CONFIG', 'GET', 'save') and 1 or 0"
const NAMES = ['save', 'appendfsync', 'no-appendfsync-on-rewrite'] as const

/** Returns the settings; undefined if the user may not read them, or the server has none. `key`: any key of the gateway. */
export async function readServerSettings(
  commands: Pick<Connection['client'], 'eval' | 'call'>,
  key: string,
): Promise<ServerSettings | undefined> {
  try {
    if ((await commands.eval(MAY_READ, 1, key)) !== 1) return undefined
    const flat = toArray(await commands.call('CONFIG', 'GET', ...NAMES))
    const valueOf = (name: (typeof NAMES)[number]): string | undefined => {
      const value = flat[flat.indexOf(name) + 1]
      return flat.includes(name) && typeof value === 'string' ? value : undefined
    }
    const [save, appendfsync] = [valueOf('save'), valueOf('appendfsync')]
    if (save === undefined || appendfsync === undefined) return undefined
    return { save, appendfsync, syncsDuringRewrite: valueOf('no-appendfsync-on-rewrite') !== 'yes' }
  } catch {
    return undefined
  }
}
