import type { Command } from 'commander'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import type { QuarantinedEntry, QuarantineResponse, QuarantineRetryResponse } from '../../shared/http-api.ts'
import { REPLAY_CALL } from '../receiver/provider-call.ts'
import type { Terminal } from './command.ts'
import { createGatewayApi, ownUrl, TOKEN_FILE_OPTION } from './gateway-api.ts'
import type { ApiOptions } from './gateway-api.ts'
import { atPace, createProgress } from './pacing.ts'
import { openResume, readWebhooks } from './replay-file.ts'
import { outcomeOf } from './send-many.ts'
import { parseWhole } from './simulation.ts'
import { visible } from './table.ts'
import { createCaller, withCallOptions } from './webhook-call.ts'
import type { CallOptions } from './webhook-call.ts'

interface ReplayOptions extends CallOptions, Pick<ApiOptions, 'tokenFile'> {
  readonly quarantine: boolean
  readonly gateway?: string
  readonly rate: number
  readonly dryRun: boolean
  readonly resume?: string
  readonly kind?: string
  readonly reason?: string
  readonly callback?: string
}

const DEFAULT_PER_SECOND = 20
const PAGE = 100

export function addReplay(program: Command, terminal: Terminal): void {
  const command = program
    .command('replay [file]')
    .description('post webhooks from a file, or what is in the quarantines of all receivers, once more')
    .option('--quarantine', 'retry the entries of all quarantines, instead of a file', false)
    .option('--gateway <url>', 'URL of a gateway, for --quarantine (default: PORT on this machine)')
    .option('--kind <kind>', 'with --quarantine: only those of this kind')
    .option('--reason <text>', 'with --quarantine: only those whose reason contains this text')
    .option('--callback <name>', 'with --quarantine: only those with this CallbackCommand')
    .option('--rate <number>', 'how many to post each second', parseWhole(1, 10_000), DEFAULT_PER_SECOND)
    .option('--dry-run', 'say what would be posted, and post nothing', false)
    .option('--resume <file>', 'note in this file how far it came, and go on from there the next time')
    .option(...TOKEN_FILE_OPTION)
    .addHelpText(
      'after',
      `
A line of the file is {"query": "CallbackCommand=…", "body": {…}}, as "quarantine show" prints it, or the body of a webhook.
Each is signed anew, and marked as a replay: what is refused is not quarantined again. Prints a line of JSON for each that
was refused, and a summary. A recall that the gateway has already counts as accepted, and is told to nobody again.

Exit codes: 0 everything was accepted; 1 something was refused, or it was interrupted.

Example: recall-gateway replay webhooks.jsonl --rate 50 --resume replay.note`,
    )
  withCallOptions(command).action((file: string | undefined, options: ReplayOptions) =>
    replay(file, options, terminal),
  )
}

/** Rejects with CONFIG_INVALID, and with SEND_FAILED unless everything was accepted. */
async function replay(file: string | undefined, options: ReplayOptions, terminal: Terminal): Promise<void> {
  if ((file === undefined) === !options.quarantine)
    throw new GatewayError('CONFIG_INVALID', 'name a file of webhooks, or --quarantine')
  if (options.quarantine && options.resume !== undefined)
    throw new GatewayError('CONFIG_INVALID', '--resume is for files: what is accepted leaves the quarantine')
  const result =
    file === undefined ? await replayQuarantine(options, terminal) : await replayFile(file, options, terminal)
  terminal.show?.()
  terminal.print(JSON.stringify(result))
  if (result.refused > 0 || result.interrupted)
    throw new GatewayError(
      'SEND_FAILED',
      result.interrupted
        ? 'interrupted'
        : `${result.refused} of ${result.refused + result.accepted} were refused`,
    )
}

interface Result {
  accepted: number
  refused: number
  /** Done before, according to the note. */
  skipped?: number
  dryRun?: true
  interrupted?: true
}

async function replayFile(file: string, options: ReplayOptions, terminal: Terminal): Promise<Result> {
  const gaveUp = new AbortController()
  const stopping = AbortSignal.any([terminal.ending(), gaveUp.signal])
  const { call } = createCaller(options, terminal.environment)
  const resume = options.resume === undefined ? undefined : openResume(options.resume, file)
  const report = createProgress(terminal)
  const result: Result = { accepted: 0, refused: 0, ...(options.dryRun && { dryRun: true as const }) }
  const from = resume?.line ?? 0
  if (from > 0) result.skipped = from

  async function* pending() {
    for await (const webhook of readWebhooks(file)) if (webhook.line > from) yield webhook
  }
  // One at a time: recalls of a conversation must keep their order.
  await atPace(
    pending(),
    async ({ line, query, body, contentType }) => {
      if (options.dryRun) {
        terminal.print(
          JSON.stringify({ line, command: query.get('CallbackCommand'), bytes: Buffer.byteLength(body) }),
        )
        result.accepted++
        return
      }
      const headers = { ...REPLAY_CALL, ...(contentType !== undefined && { 'Content-Type': contentType }) }
      const { status, text } = await call({ query, body, headers }).catch((error: unknown) => ({
        status: 0,
        text: asGatewayError(error).message,
      }))
      if (status === 200) result.accepted++
      else {
        result.refused++
        terminal.print(
          JSON.stringify({ line, outcome: status === 0 ? text : outcomeOf(status, text), answer: text }),
        )
      }
      if (status !== 0) resume?.note(line)
      // It may not have arrived, and the next time goes on from here.
      else if (resume !== undefined) gaveUp.abort()
      report(() => `${result.accepted} accepted, ${result.refused} refused`)
    },
    { perSecond: options.dryRun ? Infinity : options.rate, concurrency: 1, ending: stopping },
  )
  if (stopping.aborted) result.interrupted = true
  return result
}

async function replayQuarantine(options: ReplayOptions, terminal: Terminal): Promise<Result> {
  const ending = terminal.ending()
  const { gateway = ownUrl(terminal.environment), url: _webhook, ...rest } = options
  const api = createGatewayApi({ ...rest, url: gateway }, terminal.environment)
  const report = createProgress(terminal)
  const result: Result = { accepted: 0, refused: 0, ...(options.dryRun && { dryRun: true as const }) }
  const filter = {
    order: 'oldest',
    ...(options.kind !== undefined && { kind: options.kind }),
    ...(options.reason !== undefined && { reason: options.reason }),
    ...(options.callback !== undefined && { command: options.callback }),
  }

  async function* entries(): AsyncGenerator<QuarantinedEntry> {
    let cursor: string | undefined
    do {
      const page: QuarantineResponse = await api.get('/v1/quarantine', {
        ...filter,
        limit: String(PAGE),
        ...(cursor !== undefined && { cursor }),
      })
      for (const receiver of cursor === undefined ? page.receivers : [])
        if (!receiver.answered) terminal.tell(`a receiver did not answer: ${visible(receiver.why)}`)
      yield* page.entries
      cursor = page.cursor
    } while (cursor !== undefined)
  }
  await atPace(
    entries(),
    async ({ id, kind, command, reason }) => {
      if (options.dryRun) {
        terminal.print(JSON.stringify({ id, kind, command, reason }))
        result.accepted++
        return
      }
      const answer = await api
        .post<QuarantineRetryResponse>(`/v1/quarantine/${id}/retry`)
        .catch((error: unknown) => ({
          accepted: false as const,
          reason: asGatewayError(error).message,
        }))
      if (answer.accepted) result.accepted++
      else {
        result.refused++
        terminal.print(JSON.stringify({ id, kind, command, refused: answer.reason }))
      }
      report(() => `${result.accepted} accepted, ${result.refused} refused`)
    },
    { perSecond: options.dryRun ? Infinity : options.rate, concurrency: 1, ending },
  )
  if (ending.aborted) result.interrupted = true
  return result
}
