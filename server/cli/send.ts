import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { withDevCredentials } from '../config/environment.ts'
import { signatureOf } from '../receiver/authenticity.ts'
import { RECALL_COMMAND } from '../receiver/commands/group-recall.ts'
import { parseSeqs, parseUrl } from './command.ts'
import type { Terminal } from './command.ts'

const RESPONSE_TIMEOUT_MS = 5_000

interface SendOptions {
  readonly url: string
  readonly group: string
  readonly topic?: string
  readonly type?: string
  readonly seqs: readonly number[]
  readonly operator: string
  readonly app?: string
  readonly token?: string
}

export function addSend(program: Command, terminal: Terminal): void {
  program
    .command('send')
    .description('sign a recall as Tencent does, and post it to a gateway')
    .requiredOption('--group <id>', 'group of the recalled messages')
    .option('--topic <id>', 'topic of a community group')
    .option('--type <type>', "type of the group, in Tencent's words")
    .option('--seqs <numbers>', 'MsgSeq of each recalled message, separated by commas', parseSeqs, [1])
    .option('--operator <id>', 'user who recalls the messages', 'admin')
    .option('--url <url>', 'webhook URL of the gateway', parseUrl, 'http://127.0.0.1:8080/webhook')
    .option('--app <id>', 'SDKAppID to use instead of SDK_APP_ID')
    .option(
      '--token <token>',
      'token to use instead of WEBHOOK_TOKEN (other users of this machine can see it)',
    )
    .action((options: SendOptions) => send(options, terminal))
}

/**
 * Posts the recall and prints the response. Rejects with SEND_FAILED if there is no response within 5 s, or one other than 200.
 */
async function send(options: SendOptions, { environment, print }: Terminal): Promise<void> {
  const settings = withDevCredentials(environment)
  const app = options.app ?? settings['SDK_APP_ID']
  // During a rotation there are several tokens; the gateway accepts each.
  const token = options.token ?? settings['WEBHOOK_TOKEN']?.split(',')[0]?.trim()
  if (app === undefined || token === undefined) {
    throw new GatewayError('CONFIG_INVALID', 'set SDK_APP_ID and WEBHOOK_TOKEN, or pass --app and --token')
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
  const { status, text } = await post(`${options.url}?${query.toString()}`, body)
  print(`${status} ${text}`)
  if (status !== 200) throw new GatewayError('SEND_FAILED', `the response status was ${status}`)
}

async function post(url: string, body: string): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
    })
    return { status: response.status, text: await response.text() }
  } catch (cause) {
    throw new GatewayError('SEND_FAILED', `no response from ${new URL(url).origin}`, { cause })
  }
}
