import { Option } from 'commander'
import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { sortedPair } from '../../shared/conversation.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import type { RecallCall } from '../receiver/provider-call.ts'
import { collect, parseSeqs, parseWhole, refuseOptions } from './command.ts'
import type { Terminal } from './command.ts'
import { outcomeOf, sendMany } from './send-many.ts'
import { parseCount, parseMessages, simulate } from './simulation.ts'
import type { SimulationOptions } from './simulation.ts'
import { createCaller, withCallOptions } from './webhook-call.ts'
import type { CallOptions } from './webhook-call.ts'

interface SendOptions extends CallOptions, SimulationOptions {
  readonly rate?: number
  readonly concurrency: number
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
    .description('sign a recall as Tencent does, and post it to a gateway; or many of them, also wrong ones')
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
  withSimulationOptions(command).addHelpText(
    'after',
    `
One call prints the status and the response. Several print one line of JSON: how many had which outcome, and how long
they took.

Exit codes: 0 everything was answered as expected: with OK, or refused if it was sent wrongly signed or late; 1 not.

Examples: recall-gateway send --group lobby --seqs 130,131
          recall-gateway send --group load --groups 50 --count 10000 --rate 200`,
  )
  withCallOptions(command).action((options: SendOptions) => {
    refuseIneffective(command, options)
    return send(options, terminal)
  })
}

const OF_GROUPS = ['type', 'seqs', 'groups', 'messages']
const OF_RECALLS = [
  'group',
  'topic',
  'operator',
  'from',
  'to',
  'official',
  'key',
  'operators',
  'untimed',
  ...OF_GROUPS,
]

/** What is sent cannot be taken back, so that it must be what was meant. */
function refuseIneffective(command: Command, options: SendOptions): void {
  if (options.command !== undefined)
    return refuseOptions(command, OF_RECALLS, 'would have no effect with --command')
  refuseOptions(command, ['body'], 'needs --command: a recall is made from the other options')
  if (options.group === undefined) refuseOptions(command, OF_GROUPS, 'are for recalls in a --group')
  if (options.seqs.length > 1)
    refuseOptions(command, ['messages'], 'counts from the first of --seqs: name one')
}

const withSimulationOptions = (command: Command): Command =>
  command
    .option('--count <number>', 'how many to send, each of other messages', parseCount, 1)
    .option(
      '--rate <number>',
      'how many to send each second (default: as fast as they are answered)',
      parseRate,
    )
    .option(
      '--concurrency <number>',
      'how many may wait for their answer at a time',
      parseWhole(1, 1_000),
      50,
    )
    .option('--groups <number>', 'draw one of so many groups: lobby-1, lobby-2 …', parseCount)
    .option('--operators <number>', 'one of so many users recalls: admin-1, admin-2 …', parseCount)
    .option('--messages <number>', 'messages of each recall, up to 1,000', parseMessages)
    .option(
      '--repeat <number>',
      'send each so many times more, as a provider does that repeats itself',
      parseWhole(1, 100),
      0,
    )
    .option('--wrong-sign', 'sign them as somebody who does not know the token', false)
    .option('--late <seconds>', 'let RequestTime be so old', parseWhole(1, 86_400))
    .option('--untimed', 'leave out EventTime', false)
    .option('--command <name>', 'send another command, such as Group.CallbackAfterGroupDestroyed')
    .option('--body <json>', 'body of that command, an object in JSON')

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

const MAX_RATE = 100_000
const parseRate = parseWhole(1, MAX_RATE)

/**
 * Posts what the options describe, and prints what came of it. Rejects with CONFIG_INVALID, and with SEND_FAILED unless everything was
 * answered as expected.
 */
async function send(options: SendOptions, terminal: Terminal): Promise<void> {
  const recall = options.command === undefined ? recallOf(options) : undefined
  const calls = simulate(recall, options)
  const { call } = createCaller(options, terminal.environment)
  const expected = expectedOutcome(options)
  if (options.count * (options.repeat + 1) > 1)
    return await sendMany(calls, { call, expected, options, terminal })
  for (const one of calls) {
    const { status, text } = await call(one)
    terminal.print(`${status} ${text}`)
    const outcome = outcomeOf(status, text)
    if (outcome !== expected) throw new GatewayError('SEND_FAILED', `the response was ${outcome}`)
  }
}

/** What a gateway answers to calls like these. */
function expectedOutcome({ wrongSign, late = 0 }: SimulationOptions): string {
  if (wrongSign) return '401 WEBHOOK_FORGED'
  return late > MAX_LATE_S ? '401 WEBHOOK_STALE' : '200 OK'
}

/** Calls may be a minute old. */
const MAX_LATE_S = 60
