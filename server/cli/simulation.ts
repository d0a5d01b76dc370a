import { GatewayError } from '../../shared/errors.ts'
import { recallCall } from '../receiver/provider-call.ts'
import type { RecallCall, Signing } from '../receiver/provider-call.ts'
import { parseWhole } from './command.ts'

/** What is drawn for a simulated webhook, and how it is spoilt. */
export interface SimulationOptions {
  readonly count: number
  /** Draws one of so many groups, named `<group>-1` and so on. */
  readonly groups?: number
  readonly operators?: number
  /** Messages of each recall. */
  readonly messages?: number
  /** Sends each webhook so many times more. */
  readonly repeat: number
  readonly wrongSign: boolean
  /** How old RequestTime is, in s. */
  readonly late?: number
  readonly untimed: boolean
  /** Another command, with this as its body. */
  readonly command?: string
  readonly body?: string
}

/** A webhook to post, unsigned, and how it is to be signed. */
export interface SimulatedCall {
  readonly query: URLSearchParams
  readonly body: string
  readonly signing: Pick<Signing, 'isForged' | 'lateS'>
}

const MAX_COUNT = 1_000_000
const MAX_MESSAGES = 1_000
/** Consecutive recalls of a group name others: the same would be a repeat. */
const FIRST_SEQ = 1

/** Draws the webhooks that the options describe, one after the other. */
export function* simulate(
  recall: RecallCall | undefined,
  options: SimulationOptions,
): Generator<SimulatedCall> {
  const signing = {
    isForged: options.wrongSign,
    ...(options.late !== undefined && { lateS: options.late }),
  }
  const seqs = new Map<string, number>()
  for (let i = 0; i < options.count; i++) {
    const call =
      options.command === undefined ? recalled(draw(recall, options, seqs, i), options) : other(options)
    for (let time = 0; time <= options.repeat; time++) yield { ...call, signing }
  }
}

/** A recall of other messages than the one before in its group, where several are sent. */
function draw(
  recall: RecallCall | undefined,
  { count, groups, operators, messages }: SimulationOptions,
  seqs: Map<string, number>,
  i: number,
): RecallCall {
  if (recall === undefined) throw new GatewayError('CONFIG_INVALID', 'name one conversation, or a --command')
  const operator = operators === undefined ? recall.operator : `${recall.operator}-${1 + (i % operators)}`
  if (recall.group === undefined) {
    if (count === 1) return { ...recall, operator }
    return {
      ...recall,
      operator,
      messages: recall.messages.map(({ key = '1_1_1' }) => ({ key: `${key}-${i + 1}` })),
    }
  }
  const group =
    groups === undefined ? recall.group : `${recall.group}-${1 + Math.floor(Math.random() * groups)}`
  const [first] = recall.messages
  if (count === 1 && messages === undefined) return { ...recall, group, operator }
  const size = messages ?? recall.messages.length
  const from = seqs.get(group) ?? first?.seq ?? FIRST_SEQ
  seqs.set(group, from + size)
  return {
    ...recall,
    group,
    operator,
    messages: Array.from({ length: size }, (_, at) => ({ seq: from + at })),
  }
}

function recalled(recall: RecallCall, { untimed }: SimulationOptions) {
  const { query, body } = recallCall(recall)
  if (!untimed) return { query, body }
  const { EventTime: _time, ...fields } = JSON.parse(body) as Record<string, unknown>
  return { query, body: JSON.stringify(fields) }
}

function other({ command = '', body = '{}' }: SimulationOptions) {
  const query = new URLSearchParams({ CallbackCommand: command, contenttype: 'json', OptPlatform: 'RESTAPI' })
  return { query, body: JSON.stringify({ CallbackCommand: command, ...parseBody(body) }) }
}

/** Throws CONFIG_INVALID unless it is an object in JSON. */
function parseBody(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // The same is to be said.
  }
  throw new GatewayError('CONFIG_INVALID', '--body must be an object in JSON, such as {"GroupId":"lobby"}')
}

export const parseCount = parseWhole(1, MAX_COUNT)
export const parseMessages = parseWhole(1, MAX_MESSAGES)
