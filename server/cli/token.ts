import { GatewayError } from '../../shared/errors.ts'
import { signToken } from '../auth/jwt.ts'
import { withDevCredentials } from '../config/environment.ts'
import type { Command } from 'commander'
import { collect, toSeconds } from './command.ts'
import type { Terminal } from './command.ts'

interface TokenOptions {
  readonly sub: string
  readonly admin: boolean
  readonly group: readonly string[]
  readonly topic: readonly string[]
  /** In s. */
  readonly ttl: number
}

/** `token`. */
export function addToken(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('make a token for sockets with JWT_SECRET')
    .requiredOption('--sub <id>', 'who the token is for')
    .option('--admin', 'may be in every room and sees who recalled', false)
    .option('--group <id>', 'group that the token grants; can be given again', collect, [])
    .option('--topic <id>', 'grant only this topic of the group; can be given again', collect, [])
    .option('--ttl <seconds>', 'how long it lasts', toSeconds, 3_600)
    .action((options: TokenOptions) => token(options, terminal))
}

/** Prints a token made with `JWT_SECRET`. Throws CONFIG_INVALID when there is none. */
async function token(options: TokenOptions, { environment, print }: Terminal): Promise<void> {
  const { JWT_SECRET, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = withDevCredentials(environment)
  // The first one signs while several are valid.
  const secret = JWT_SECRET?.split(',')[0]?.trim()
  if (secret === undefined) throw new GatewayError('CONFIG_INVALID', 'JWT_SECRET is missing')
  const [onlyGroup, ...others] = options.group
  if (options.topic.length > 0 && (onlyGroup === undefined || others.length > 0)) {
    throw new GatewayError('CONFIG_INVALID', '--topic needs exactly one --group, the one of the topic')
  }
  const rooms =
    options.topic.length > 0 && onlyGroup !== undefined
      ? options.topic.map((topic) => ({ group: onlyGroup, topic }))
      : options.group.map((group) => ({ group }))
  const role = options.admin ? 'admin' : 'member'
  print(await signToken({ id: options.sub, role, rooms, ttlS: options.ttl }, { secret, issuer, audience }))
}
