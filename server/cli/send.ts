import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { recallCall } from '../receiver/provider-call.ts'
import { parseSeqs } from './command.ts'
import type { Terminal } from './command.ts'
import { createCaller, withCallOptions } from './webhook-call.ts'
import type { CallOptions } from './webhook-call.ts'

interface SendOptions extends CallOptions {
  readonly group: string
  readonly topic?: string
  readonly type?: string
  readonly seqs: readonly number[]
  readonly operator: string
}

export function addSend(program: Command, terminal: Terminal): void {
  const command = program
    .command('send')
    .description('sign a recall as Tencent does, and post it to a gateway')
    .requiredOption('--group <id>', 'group of the recalled messages')
    .option('--topic <id>', 'topic of a community group')
    .option('--type <type>', "type of the group, in Tencent's words")
    .option('--seqs <numbers>', 'MsgSeq of each recalled message, separated by commas', parseSeqs, [1])
    .option('--operator <id>', 'user who recalls the messages', 'admin')
  withCallOptions(command).action((options: SendOptions) => send(options, terminal))
}

/**
 * Posts the recall and prints the response. Rejects with SEND_FAILED if there is no response within 5 s, or one other than 200.
 */
async function send(options: SendOptions, { environment, print }: Terminal): Promise<void> {
  const { status, text } = await createCaller(options, environment).call(recallCall(options))
  print(`${status} ${text}`)
  if (status !== 200) throw new GatewayError('SEND_FAILED', `the response status was ${status}`)
}
