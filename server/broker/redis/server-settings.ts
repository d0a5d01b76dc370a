import type { Connection } from './connection/connection.ts'
import { toArray } from './scripts.ts'

/** The settings of the server that decide about what a power cut costs. */
export interface ServerSettings {
  /** The schedule of snapshots; empty if there is none. */
  readonly save: string
  readonly appendfsync: string
  readonly syncsDuringRewrite: boolean
}

type Commands = Pick<Connection['client'], 'eval' | 'call'>

/** A refused CONFIG would leave a trace in the log of the server, each time. Some servers do not know the command. */
const MAY_READ = "return redis.acl_check_cmd and redis.acl_check_cmd('CONFIG', 'GET', 'save') and 1 or 0"
const NAMES = ['save', 'appendfsync', 'no-appendfsync-on-rewrite'] as const

/** Returns the settings; undefined if the user may not read them, or the server has none. `key`: any key of the gateway. */
export async function readServerSettings(
  commands: Commands,
  key: string,
): Promise<ServerSettings | undefined> {
  const settings = await readSettings(commands, key, NAMES)
  const [save, appendfsync] = [settings?.get('save'), settings?.get('appendfsync')]
  if (settings === undefined || save === undefined || appendfsync === undefined) return undefined
  return { save, appendfsync, syncsDuringRewrite: settings.get('no-appendfsync-on-rewrite') !== 'yes' }
}

/** Returns those of the settings that the server has; undefined if the user may not read them. Never rejects. */
export async function readSettings(
  commands: Commands,
  key: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    if ((await commands.eval(MAY_READ, 1, key)) !== 1) return undefined
    const flat = toArray(await commands.call('CONFIG', 'GET', ...names))
    const found = new Map<string, string>()
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const [name, value] = [flat[i], flat[i + 1]]
      if (typeof name === 'string' && typeof value === 'string') found.set(name, value)
    }
    return found
  } catch {
    return undefined
  }
}
