#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander'
import { asGatewayError } from '../shared/errors.ts'
import { quarantine } from './cli/quarantine.ts'
import { send } from './cli/send.ts'
import { start } from './cli/start.ts'
import type { Terminal } from './cli/command.ts'
import { token } from './cli/token.ts'

/** Beyond the drain: what requests under way and the stores may take to finish. */
const STOP_GRACE_MS = 8_000

const terminal: Terminal = {
  environment: process.env,
  print: (line) => void process.stdout.write(`${line}\n`),
}

const program = new Command('recall-gateway')
  .description(
    'Tells every console and client at once when messages of a Tencent Cloud Chat group were recalled.',
  )
  .showHelpAfterError()

program
  .command('start')
  .description('run the gateway with the settings in the environment')
  .option('--dev', 'on this machine alone: loopback, made-up credentials, a link to open', false)
  .action(async (options: { dev: boolean }) => {
    const { gateway, log, config } = await start(options, terminal)
    let asked = false
    const stop = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(1)
      asked = true
      log.info({ signal }, 'stopping')
      const tooLate = setTimeout(() => {
        log.error('parts did not stop in time')
        process.exit(1)
      }, config.DRAIN_MS + STOP_GRACE_MS)
      tooLate.unref()
      void gateway.stop().then(() => {
        log.info('stopped')
        process.exit(0)
      })
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    process.on('unhandledRejection', (err) => {
      log.fatal({ err }, 'a failure that nobody handled')
      process.exit(1)
    })
  })

program
  .command('send')
  .description('sign a recall as the provider does and post it to a gateway')
  .requiredOption('--group <id>', 'group of the recalled messages')
  .option('--topic <id>', 'topic of a community group')
  .option('--type <type>', 'type of the group, as the provider names it')
  .option('--seqs <numbers>', 'MsgSeq of each recalled message, separated by commas', toSeqs, [1])
  .option('--operator <id>', 'who recalled', 'admin')
  .option('--url <url>', 'where the gateway takes webhooks', toUrl, 'http://127.0.0.1:8080/webhook')
  .option('--app <id>', 'SDKAppID instead of SDK_APP_ID')
  .option('--token <token>', 'token instead of WEBHOOK_TOKEN (other users of this machine can see it)')
  .action((options: Parameters<typeof send>[0]) => send(options, terminal))

program
  .command('token')
  .description('make a token for sockets with JWT_SECRET')
  .requiredOption('--sub <id>', 'who the token is for')
  .option('--admin', 'may be in every room and sees who recalled', false)
  .option('--group <id>', 'group that the token grants; can be given again', collect, [])
  .option('--topic <id>', 'grant only this topic of the group; can be given again', collect, [])
  .option('--ttl <seconds>', 'how long it lasts', toSeconds, 3_600)
  .action(({ ttl, ...options }: Omit<Parameters<typeof token>[0], 'ttlS'> & { ttl: number }) =>
    token({ ...options, ttlS: ttl }, terminal),
  )

program
  .command('quarantine')
  .description('print the authentic webhooks that the gateway did not understand, one JSON document a line')
  .action(() => quarantine(terminal))

try {
  await program.parseAsync()
} catch (error) {
  const { code, message, cause } = asGatewayError(error)
  const inner = code === 'INTERNAL' && cause instanceof Error ? `\n${cause.stack ?? cause.message}` : ''
  process.stderr.write(`recall-gateway: ${code}: ${message}${inner}\n`)
  process.exit(1)
}

function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value]
}

function toSeqs(text: string): number[] {
  const seqs = text.split(',').map(Number)
  if (!seqs.every((seq) => Number.isSafeInteger(seq) && seq > 0)) {
    throw new InvalidArgumentError('whole numbers from 1, separated by commas.')
  }
  return seqs
}

function toUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/i.test(text))
    throw new InvalidArgumentError('a URL that begins with http.')
  return text
}

function toSeconds(text: string): number {
  const seconds = Number(text)
  if (!Number.isSafeInteger(seconds) || seconds < 1) throw new InvalidArgumentError('whole seconds from 1.')
  return seconds
}
