import { toInteger } from '../numbers.ts'
import type { Publications, Subscriber } from '../publications.ts'
import { ErrorReply, OK, Pairs, Status, SYNTAX_ERROR } from '../reply.ts'
import type { Protocol, Reply } from '../reply.ts'
import type { Scripts } from '../scripts.ts'
import { argument } from './command.ts'
import type { Command } from './command.ts'

/** What a command may know of the connection that sent it. */
export interface Session extends Subscriber {
  readonly id: number
  protocol: Protocol
  name: string
  isAuthenticated: boolean
  readonly channels: Readonly<Record<'plain' | 'sharded', Set<string>>>
  /** Ends the connection after the reply. */
  end(): void
}

/** What a command may know of the server. */
export interface Server {
  readonly version: string
  readonly password: string | undefined
  readonly settings: Map<string, string>
  readonly scripts: Scripts
  readonly publications: Publications
  readonly isReplica: boolean
  /** Text of INFO, of one section or of all. */
  info(section: string | undefined): string
}

/** A command on the server or the connection. Returns undefined if it has replied, or will, on its own. */
export interface SessionCommand extends Omit<Command, 'run'> {
  readonly isFreeOfAuthentication?: boolean
  readonly run: (server: Server, session: Session, args: readonly string[]) => Reply | undefined
}

type Run = SessionCommand['run']
const always = (arity: number, run: Run): SessionCommand => ({ arity, run, whileLoading: true })

function authenticate({ password }: Server, session: Session, words: readonly string[]): void {
  const [user = '', given] = words.length > 1 ? words : ['default', words[0]]
  if (password === undefined && words.length === 1)
    throw new ErrorReply(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    )
  if (user !== 'default' || (password !== undefined && given !== password))
    throw new ErrorReply('WRONGPASS invalid username-password pair or user is disabled.')
  session.isAuthenticated = true
}

const hello: Run = (server, session, [protocol, option, ...words]) => {
  if (protocol !== undefined && protocol !== '2' && protocol !== '3')
    throw new ErrorReply('NOPROTO unsupported protocol version')
  if (option?.toLowerCase() === 'auth') authenticate(server, session, words.slice(0, 2))
  else if (option !== undefined) throw new ErrorReply(SYNTAX_ERROR)
  if (!session.isAuthenticated)
    throw new ErrorReply(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    )
  if (protocol !== undefined) session.protocol = protocol === '3' ? 3 : 2
  const { version, isReplica } = server
  const role = isReplica ? 'replica' : 'master'
  const facts: Reply[] = ['server', 'redis', 'version', version, 'proto', session.protocol, 'id', session.id]
  return new Pairs([...facts, 'mode', 'standalone', 'role', role, 'modules', []])
}

const client: Run = (_server, session, [verb = '', value = '']) => {
  const lower = verb.toLowerCase()
  if (lower === 'setname') session.name = value
  else if (lower === 'getname') return session.name || null
  else if (lower === 'id') return session.id
  else if (lower !== 'setinfo') throw new ErrorReply(`ERR the model knows no CLIENT ${verb}`)
  return OK
}

const config: Run = ({ settings }, _session, [verb = '', ...words]) => {
  if (verb.toLowerCase() === 'get')
    return new Pairs(words.flatMap((name) => (settings.has(name) ? [name, settings.get(name) ?? ''] : [])))
  if (verb.toLowerCase() !== 'set') throw new ErrorReply(`ERR the model knows no CONFIG ${verb}`)
  for (let i = 0; i < words.length; i += 2) settings.set(argument(words, i), argument(words, i + 1))
  return OK
}

const script: Run = ({ scripts }, _session, [verb = '', ...words]) => {
  const lower = verb.toLowerCase()
  if (lower === 'load') return scripts.load(argument(words, 0))
  if (lower === 'exists') return words.map((digest) => Number(scripts.knows(digest)))
  if (lower !== 'flush') throw new ErrorReply(`ERR the model knows no SCRIPT ${verb}`)
  scripts.forget()
  return OK
}

const ping: Run = (_server, { protocol, channels }, [text]) => {
  if (protocol === 2 && channels.plain.size + channels.sharded.size > 0) return ['pong', text ?? '']
  return text ?? new Status('PONG')
}

/** Commands of connections, scripts and settings. */
export const SESSION_COMMANDS: Readonly<Record<string, SessionCommand>> = {
  hello: { ...always(-1, hello), isFreeOfAuthentication: true },
  auth: {
    ...always(-2, (server, session, words) => {
      authenticate(server, session, words)
      return OK
    }),
    isFreeOfAuthentication: true,
  },
  client: always(-2, client),
  config: always(-2, config),
  select: always(2, (_server, _session, [index = '']) => {
    if (toInteger(index) !== 0) throw new ErrorReply('ERR DB index is out of range')
    return OK
  }),
  ping: { arity: -1, run: ping },
  echo: always(2, (_server, _session, [text = '']) => text),
  quit: always(-1, (_server, session) => {
    session.end()
    return OK
  }),
  info: always(-1, (server, _session, [section]) => server.info(section)),
  script: { arity: -2, run: script },
  eval: { arity: -3, run: ({ scripts }, _session, args) => scripts.run(args, false) },
  evalsha: { arity: -3, run: ({ scripts }, _session, args) => scripts.run(args, true) },
}
