import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { withDevCredentials } from '../config/environment.ts'
import { collect, DATA_DIR_OPTION, parseSeconds, withDataDir } from './command.ts'
import type { DataDirOption, Terminal } from './command.ts'
import { pairOf } from './room-options.ts'
import { signerOf } from './token-signing.ts'

interface TokenOptions extends DataDirOption {
  readonly sub: string
  readonly admin: boolean
  readonly group: readonly string[]
  readonly topic: readonly string[]
  readonly c2c: readonly string[]
  readonly official: readonly string[]
  /** In s. */
  readonly ttl: number
}

export function addToken(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('print a token signed with JWT_SECRET')
    .requiredOption('--sub <id>', 'user of the token')
    .option('--admin', 'grant every room, and let the user see who recalled', false)
    .option('--group <id>', 'grant this group; can be repeated', collect, [])
    .option('--topic <id>', 'grant only this topic of the group; can be repeated', collect, [])
    .option(
      '--c2c <id,id>',
      'grant the conversation of these two users, who need no grant; can be repeated',
      collect,
      [],
    )
    .option('--official <id>', 'grant this official account; can be repeated', collect, [])
    .option('--ttl <seconds>', 'lifetime', parseSeconds, 3_600)
    .option(...DATA_DIR_OPTION)
    .action((options: TokenOptions) => token(options, terminal))
}

/** Prints a token. Throws CONFIG_INVALID without JWT_SECRET, for an empty name, if topics are not of exactly one group, or pairs not of two users. */
async function token(options: TokenOptions, { environment, print }: Terminal): Promise<void> {
  const sign = signerOf(withDevCredentials(withDataDir(options, environment)))
  if (sign === undefined) {
    throw new GatewayError(
      'CONFIG_INVALID',
      'JWT_SECRET is missing: set it, or name the folder of start --dev with --data-dir',
    )
  }
  // An empty variable of a shell must not turn a topic into its whole group.
  const names = [options.sub, ...options.group, ...options.topic, ...options.official]
  if (!names.every(isIdentifier))
    throw new GatewayError(
      'CONFIG_INVALID',
      '--sub, --group, --official and --topic must be printable text, not empty',
    )
  const [onlyGroup, ...others] = options.group
  if (options.topic.length > 0 && (onlyGroup === undefined || others.length > 0)) {
    throw new GatewayError('CONFIG_INVALID', "--topic needs exactly one --group, the topic's group")
  }
  const inGroups =
    options.topic.length > 0 && onlyGroup !== undefined
      ? options.topic.map((topic) => ({ group: onlyGroup, topic }))
      : options.group.map((group) => ({ group }))
  const rooms = [
    ...inGroups,
    ...options.c2c.map((users) => ({ c2c: pairOf(users) })),
    ...options.official.map((official) => ({ official })),
  ]
  const role = options.admin ? 'admin' : 'member'
  print(await sign({ id: options.sub, role, rooms, ttlS: options.ttl }))
}
