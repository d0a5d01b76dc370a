import type { Command } from 'commander'
import { covers } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import { formatFilter } from '../../shared/filter.ts'
import type { SearchResponse } from '../../shared/http-api/search.ts'
import { MAX_SEQS } from '../../shared/limits.ts'
import { nameOf } from '../../shared/message.ts'
import type { MessageName, RecalledAt } from '../../shared/message.ts'
import type { Notice } from '../../shared/notice.ts'
import type { RecalledResponse } from '../../shared/protocol.ts'
import { collect } from './command.ts'
import type { Terminal } from './command.ts'
import { createGatewayApi, withApiOptions } from './gateway-api.ts'
import type { ApiOptions, GatewayApi } from './gateway-api.ts'
import { conversationIn, parametersOf, withRoomOptions } from './room-options.ts'
import type { RoomOptions } from './room-options.ts'
import { countSeqs, parseSeqRanges, splitRanges, textOfRanges } from './seq-ranges.ts'
import type { SeqRange } from './seq-ranges.ts'

interface RecalledOptions extends ApiOptions, RoomOptions {
  readonly seqs: readonly SeqRange[]
  readonly key: readonly string[]
}

/** Of keys, which are longer, fewer fit into a request. */
const MAX_KEYS = 200
/** Each search looks through some thousand entries. */
const MAX_SEARCHES = 100

export function addRecalled(program: Command, terminal: Terminal): void {
  const command = program
    .command('recalled')
    .description('say which messages of a conversation are recalled, when, and by whom')
  withRoomOptions(command)
    .option('--seqs <ranges>', 'MsgSeq of the messages of a group: 130,1000-1400', parseSeqRanges, [])
    .option('--key <key>', 'MsgKey of a message outside of groups; can be repeated', collect, [])
    .addHelpText(
      'after',
      `
Prints a line of JSON for each message that is recalled: {"seq":130,"atMs":…,"recalledAt":"…","operator":"alice"}. Who
recalled it is known as long as the log holds the recall.

Exit codes: 0 the question was answered, also if nothing is recalled; 1 it was not.

Example: recall-gateway recalled --group lobby --seqs 1000-1400`,
    )
  withApiOptions(command).action((options: RecalledOptions) => recalled(options, terminal))
}

async function recalled(options: RecalledOptions, terminal: Terminal): Promise<void> {
  const conversation = conversationIn(options)
  if (conversation === undefined)
    throw new GatewayError('CONFIG_INVALID', 'name a conversation: --group, --c2c or --official')
  const isGroup = conversation.group !== undefined
  if (
    isGroup
      ? options.key.length > 0 || options.seqs.length === 0
      : options.seqs.length > 0 || options.key.length === 0
  )
    throw new GatewayError(
      'CONFIG_INVALID',
      'name messages: --seqs of a group, --key of any other conversation',
    )
  const api = createGatewayApi(options, terminal.environment)
  const found = await readRecalled(api, conversation, options, terminal)
  const by = await findNotices(api, conversation, found, terminal)
  for (const one of found) {
    const name = one.seq ?? one.key
    const notice = by.get(name)
    terminal.print(
      JSON.stringify({
        ...one,
        recalledAt: new Date(one.atMs).toISOString(),
        ...(notice?.operator !== undefined && { operator: notice.operator }),
        ...(notice?.test !== undefined && { test: true }),
      }),
    )
  }
  const count = isGroup ? countSeqs(options.seqs) : options.key.length
  terminal.tell(`${found.length} of ${count} messages are recalled`)
}

async function readRecalled(
  api: GatewayApi,
  conversation: Conversation,
  { seqs, key }: RecalledOptions,
  { show }: Terminal,
): Promise<RecalledAt[]> {
  const found: RecalledAt[] = []
  const questions = [
    ...(seqs.length > 0 ? splitRanges(seqs, MAX_SEQS) : []).map((ranges) => [
      ['seqs', textOfRanges(ranges)] as const,
    ]),
    ...chunksOf(key, MAX_KEYS).map((keys) => keys.map((one) => ['keys', one] as const)),
  ]
  for (const [i, question] of questions.entries()) {
    show?.(`asked ${i} of ${questions.length} times, ${found.length} are recalled`)
    const parameters = parametersOf(conversation)
    for (const [name, value] of question) parameters.append(name, value)
    found.push(...(await api.get<RecalledResponse>('/v1/recalled', parameters)).recalled)
  }
  show?.()
  return found
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}

/** Returns the notice of the recall of each message, as far as the log holds it. */
async function findNotices(
  api: GatewayApi,
  conversation: Conversation,
  found: readonly RecalledAt[],
  terminal: Terminal,
): Promise<ReadonlyMap<MessageName, Notice>> {
  // A group that was dismissed and made again has the same seqs: only the time tells which recall it was.
  const wanted = new Map(found.map((one) => [one.seq ?? one.key, one.atMs]))
  const notices = new Map<MessageName, Notice>()
  const q = filterOf(conversation, found)
  let before: string | undefined
  try {
    for (let i = 0; i < MAX_SEARCHES && notices.size < wanted.size; i++) {
      terminal.show?.(`searched ${i} pages for who recalled them: ${notices.size} of ${wanted.size}`)
      const page: SearchResponse = await api.get('/v1/search', {
        q,
        limit: '1000',
        ...(before !== undefined && { before }),
      })
      for (const { notice } of page.hits)
        if (covers(conversation, notice) && covers(notice, conversation))
          for (const message of notice.messages) {
            const name = nameOf(message)
            if (wanted.get(name) === notice.recalledAtMs && !notices.has(name)) notices.set(name, notice)
          }
      before = page.cursor
      if (before === undefined) break
      if (i + 1 === MAX_SEARCHES && notices.size < wanted.size)
        terminal.tell(
          `who recalled ${wanted.size - notices.size} of them was not found in the latest part of the log`,
        )
    }
  } catch (error) {
    // What is recalled is known all the same.
    terminal.tell(`who recalled them is not known: ${asGatewayError(error).message}`)
  }
  terminal.show?.()
  return notices
}

/** In the language of the search box. */
function filterOf({ group, topic, c2c, official }: Conversation, found: readonly RecalledAt[]): string {
  const term = (key: 'group' | 'topic' | 'c2c' | 'official', value: string) =>
    ({ excludes: false, key, values: new Set([value]) }) as const
  if (c2c !== undefined) return formatFilter({ terms: c2c.map((user) => term('c2c', user)) })
  if (official !== undefined) return formatFilter({ terms: [term('official', official)] })
  const seqs = found.flatMap(({ seq }) => seq ?? [])
  const range = { first: Math.min(...seqs), last: Math.max(...seqs) }
  return formatFilter({
    terms: [
      term('group', group),
      ...(topic === undefined ? [] : [term('topic', topic)]),
      { excludes: false, key: 'seq', ranges: [range] },
    ],
  })
}
