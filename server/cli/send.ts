import { Option } from 'commander'
import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { sortedPair } from '../../shared/conversation.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { recallCall } from '../receiver/provider-call.ts'
import type { RecallCall } from '../receiver/provider-call.ts'
import { collect, parseSeqs } from './command.ts'
import type { Terminal } from './command.ts'
import { createCaller, withCallOptions } from './webhook-call.ts'
import type { CallOptions } from './webhook-call.ts'

interface SendOptions extends CallOptions {
  readonly group?: string
  readonly topic?: string
  readonly type?: string
  readonly seqs: readonly number[]
  readonly operator: string
  readonly from?: string
  readonly to?: string
  readonly official?: string
  readonly key: readonly string[]
}

/** Has the form of a key of a one-to-one conversation. */
const DEFAULT_KEY = '1_1_1'

export function addSend(program: Command, terminal: Terminal): void {
  const command = program
    .command('send')
    .description('sign a recall as Tencent does, and post it to a gateway')
    .option('--group <id>', 'group of the recalled messages')
    .option('--topic <id>', 'topic of a community group')
    .option('--type <type>', "type of the group, in Tencent's words")
    .option('--seqs <numbers>', 'MsgSeq of each recalled message, separated by commas', parseSeqs, [1])
    .option('--operator <id>', 'user who recalls the messages of a group', 'admin')
    .option('--from <id>', 'sender of the recalled message of a one-to-one conversation')
    .option('--to <id>', 'receiver of that message')
    .option('--official <id>', 'official account of the recalled messages')
    .addOption(
      new Option('--key <key>', 'MsgKey of a message outside of groups; can be repeated')
        .argParser(collect)
        .default([], DEFAULT_KEY),
    )
  withCallOptions(command).action((options: SendOptions) => send(options, terminal))
}

/** Returns what the options describe. Throws CONFIG_INVALID unless that is one conversation. */
function recallOf(options: SendOptions): RecallCall {
  const { group, topic, type, seqs, operator, from, to, official, key } = options
  const isOfTwo = from !== undefined || to !== undefined
  if ([group !== undefined, isOfTwo, official !== undefined].filter(Boolean).length !== 1)
    throw invalid('name one conversation: --group, or --from and --to, or --official')
  const names = [group, topic, from, to, official, ...key].filter((name) => name !== undefined)
  if (!names.every(isIdentifier)) throw invalid('names and keys must be printable text, not empty')
  if (group !== undefined) {
    if (key.length > 0) throw invalid('--key is for messages outside of groups: use --seqs')
    return {
      group,
      ...(topic !== undefined && { topic }),
      messages: seqs.map((seq) => ({ seq })),
      operator,
      type,
    }
  }
  if (topic !== undefined) throw invalid('--topic needs --group')
  const messages = (key.length > 0 ? key : [DEFAULT_KEY]).map((one) => ({ key: one }))
  if (official !== undefined) return { official, messages, operator }
  if (from === undefined || to === undefined) throw invalid('--from and --to belong together')
  if (messages.length > 1) throw invalid('Tencent tells of one message at a time: use one --key')
  return { c2c: sortedPair([from, to]), sender: from, messages, operator }
}

const invalid = (detail: string): GatewayError => new GatewayError('CONFIG_INVALID', detail)

/**
 * Posts the recall and prints the response. Rejects with CONFIG_INVALID, and with SEND_FAILED if there is no response within 5 s, or one other than 200.
 */
async function send(options: SendOptions, { environment, print }: Terminal): Promise<void> {
  const { status, text } = await createCaller(options, environment).call(recallCall(recallOf(options)))
  print(`${status} ${text}`)
  if (status !== 200) throw new GatewayError('SEND_FAILED', `the response status was ${status}`)
}
