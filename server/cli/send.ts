import { GatewayError } from '../../shared/errors.ts'
import { signatureOf } from '../receiver/authenticity.ts'
import { RECALL_COMMAND } from '../receiver/commands/group-recall.ts'
import { withDevCredentials } from '../config/environment.ts'
import type { Command } from 'commander'
import { toSeqs, toUrl } from './command.ts'
import type { Terminal } from './command.ts'

const ANSWER_TIMEOUT_MS = 5_000

interface SendOptions {
  readonly url: string
  readonly group: string
  readonly topic?: string
  readonly type?: string
  readonly seqs: readonly number[]
  readonly operator: string
  /** Override `SDK_APP_ID` and `WEBHOOK_TOKEN`. */
  readonly app?: string
  readonly token?: string
}

/** `send`. */
export function addSend(program: Command, terminal: Terminal): void {
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
    .action((options: SendOptions) => send(options, terminal))
}

/**
 * Signs a recall as the provider does and posts it, then prints the answer. Rejects with SEND_FAILED when the answer is not
 * OK or does not come.
 */
async function send(options: SendOptions, { environment, print }: Terminal): Promise<void> {
  const known = withDevCredentials(environment)
  const app = options.app ?? known['SDK_APP_ID']
  // Of several tokens that are being rotated, any will do.
  const token = options.token ?? known['WEBHOOK_TOKEN']?.split(',')[0]?.trim()
  if (app === undefined || token === undefined) {
    throw new GatewayError('CONFIG_INVALID', 'set SDK_APP_ID and WEBHOOK_TOKEN, or give --app and --token')
  }
  const requestTime = String(Math.floor(Date.now() / 1_000))
  const query = new URLSearchParams({
    SdkAppid: app,
    CallbackCommand: RECALL_COMMAND,
    contenttype: 'json',
    ClientIP: '127.0.0.1',
    OptPlatform: 'RESTAPI',
    Sign: signatureOf(token, requestTime),
    RequestTime: requestTime,
  })
  const body = JSON.stringify({
    CallbackCommand: RECALL_COMMAND,
    Operator_Account: options.operator,
    Type: options.type ?? (options.topic === undefined ? 'Public' : 'Community'),
    GroupId: options.group,
    MsgSeqList: options.seqs.map((MsgSeq) => ({ MsgSeq })),
    ...(options.topic !== undefined && { TopicId: options.topic }),
    EventTime: Date.now(),
  })
  const { status, answer } = await post(`${options.url}?${query.toString()}`, body)
  print(`${status} ${answer}`)
  if (status !== 200) throw new GatewayError('SEND_FAILED', `the answer was ${status}`)
}

async function post(url: string, body: string): Promise<{ status: number; answer: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    return { status: response.status, answer: await response.text() }
  } catch (cause) {
    throw new GatewayError('SEND_FAILED', `nothing answered at ${new URL(url).origin}`, { cause })
  }
}
