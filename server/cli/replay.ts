import type { Command } from 'commander'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import type {
  QuarantinedEntry,
  QuarantineResponse,
  QuarantineRetryResponse,
} from '../../shared/http-api/quarantine.ts'
import { REPLAY_CALL } from '../receiver/provider-call.ts'
import { isHandled, readResponse } from '../receiver/responses.ts'
import { parseWhole, refuseOptions } from './command.ts'
import type { Terminal } from './command.ts'
import { createGatewayApi, ownUrl, TOKEN_FILE_OPTION } from './gateway-api.ts'
import type { ApiOptions } from './gateway-api.ts'
import { lockNoted } from './note-file.ts'
import { atPace, createProgress } from './pacing.ts'
import { readWebhooks } from './replay-file.ts'
import { openNote } from './replay-note.ts'
import { outcomeOf } from './send-many.ts'
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
  readonly command?: string
}

const DEFAULT_PER_SECOND = 20
const PAGE = 100
/** Refusals that are about the webhook, and not about the gateway, its settings or the way to it. */
const OF_THE_WEBHOOK: ReadonlySet<ErrorCode> = new Set([
  'WEBHOOK_MALFORMED',
  'BODY_TOO_LARGE',
  'BODY_UNREADABLE',
  'RELAY_LOOP',
])
/** An address that is too long is refused by the server, or by one in front of it, before anything knows that it is a webhook. */
const TOO_LONG: ReadonlySet<number> = new Set([414, 431])

export function addReplay(program: Command, terminal: Terminal): void {
  const command = program
    .command('replay [file]')
    .description('post webhooks from a file, or what is in the quarantines of all receivers, once more')
    .option('--quarantine', 'retry the entries of all quarantines, instead of a file', false)
    .option('--gateway <url>', 'URL of a gateway, for --quarantine (default: PORT on this machine)')
    .option('--kind <kind>', 'with --quarantine: only those of this kind')
    .option('--reason <text>', 'with --quarantine: only those whose reason contains this text')
    .option('--command <name>', 'with --quarantine: only those with this CallbackCommand')
    .option('--rate <number>', 'how many to post each second', parseWhole(1, 10_000), DEFAULT_PER_SECOND)
    .option('--dry-run', 'say what would be posted, and post nothing', false)
    .option('--resume <file>', 'note in this file what was accepted, and post the rest the next time')
    .option(...TOKEN_FILE_OPTION)
    .addHelpText(
      'after',
      `
A line of the file is {"query": "CallbackCommand=…", "body": {…}}, as "quarantine show" prints it, or the body of a webhook.
Each is signed anew, and marked as a replay: what is refused is not quarantined again. Prints a line of JSON for each that
was refused or is no webhook, and a summary. A recall that the gateway has already counts as accepted, and is told to nobody again. With
--resume it stops where the gateway refuses for a reason that is not the webhook's own, such as a wrong token, and posts
lines that were refused once more each time, until the gateway accepts them.

Exit codes: 0 everything was accepted, the lines before those that --resume continues from too; 1 something was refused,
a receiver did not answer, or it was interrupted.

Example: recall-gateway replay webhooks.jsonl --rate 50 --resume replay.note`,
    )
  withCallOptions(command).action((file: string | undefined, options: ReplayOptions) => {
    // Whoever means a part must not post everything, and whoever means another gateway not ask this one.
    if (options.quarantine)
      refuseOptions(command, ['url', 'app', 'token'], 'are for files; --gateway is for quarantines')
    else
      refuseOptions(
        command,
        ['kind', 'reason', 'command', 'gateway', 'tokenFile'],
        'are for --quarantine, and have no effect on a file',
      )
    return replay(file, options, terminal)
  })
}

/** Rejects with CONFIG_INVALID, and with SEND_FAILED unless everything was accepted. */
async function replay(file: string | undefined, options: ReplayOptions, terminal: Terminal): Promise<void> {
  if ((file === undefined) === !options.quarantine)
    throw new GatewayError('CONFIG_INVALID', 'name a file of webhooks, or --quarantine')
  if (options.quarantine && options.resume !== undefined)
    throw new GatewayError('CONFIG_INVALID', '--resume is for files: what is accepted leaves the quarantine')
  const result =
    file === undefined ? await replayQuarantine(options, terminal) : await replayFile(file, options, terminal)
  const { failure, ...summary } = result
  terminal.show?.()
  // What was posted before is not undone.
  if (failure === undefined || summary.accepted + summary.refused > 0)
    terminal.print(JSON.stringify(options.dryRun ? ofDryRun(summary) : summary))
  if (failure !== undefined) throw failure
  const problem = problemOf(summary)
  if (problem !== undefined) throw new GatewayError('SEND_FAILED', problem)
}

interface Result {
  accepted: number
  refused: number
  /** Accepted before, according to the note. */
  skipped?: number
  /** What counts as accepted would be posted. */
  dryRun?: true
  /** Not everything was posted. */
  interrupted?: true
  /** Why nothing after this line was posted. */
  stoppedAt?: { readonly line: number; readonly outcome: string }
  /** Receivers whose quarantine is not known. */
  unanswered?: number
  /** Why it ended early; not printed. */
  failure?: GatewayError
}

/** Nobody has accepted anything. */
const ofDryRun = ({ accepted: wouldPost, ...summary }: Result): object => ({ wouldPost, ...summary })

function problemOf({ accepted, refused, interrupted, stoppedAt, unanswered }: Result): string | undefined {
  if (stoppedAt !== undefined)
    return `stopped at line ${stoppedAt.line} (${stoppedAt.outcome}): mend that, and run the same again`
  if (interrupted) return 'interrupted'
  const refusals = refused > 0 ? `${refused} of ${refused + accepted} were refused` : undefined
  const silence =
    unanswered === undefined ? undefined : `not all quarantines are known (${unanswered} did not answer)`
  return refusals === undefined || silence === undefined
    ? (refusals ?? silence)
    : `${refusals}, and ${silence}`
}

async function replayFile(file: string, options: ReplayOptions, terminal: Terminal): Promise<Result> {
  const gaveUp = new AbortController()
  const stopping = AbortSignal.any([terminal.ending(), gaveUp.signal])
  const { call } = createCaller(options, terminal.environment)
  // With a note of its own, the other would post everything once more. It is freed when this process ends, however it ends.
  if (options.resume !== undefined && !options.dryRun)
    lockNoted(options.resume, '--resume', 'wait until that replay has ended, and run the same again')
  const note = options.resume === undefined ? undefined : openNote(options.resume, file)
  const report = createProgress(terminal)
  const result: Result = { accepted: 0, refused: 0, ...(options.dryRun && { dryRun: true as const }) }
  const from = note?.line ?? 0
  const again = new Set(note?.refused)
  if (from > 0) result.skipped = from - again.size

  async function* pending() {
    let last = 0
    for await (const webhook of readWebhooks(file)) {
      last = webhook.line
      if (last > from || again.has(last)) yield webhook
    }
    if (last < from)
      throw new GatewayError(
        'CONFIG_INVALID',
        `${options.resume} notes line ${from} as posted, and ${file} ends with ${last}: is it another file?`,
      )
  }
  const refuse = (line: number, outcome: string, answer?: string): void => {
    result.refused++
    terminal.print(JSON.stringify({ line, outcome, answer }))
  }
  const noteDown = (line: number, isAccepted: boolean): void => {
    try {
      if (!options.dryRun) note?.done(line, isAccepted)
    } catch (error) {
      result.failure = asGatewayError(error)
      gaveUp.abort()
    }
  }
  // One at a time: recalls of a conversation must keep their order.
  await atPace(
    pending(),
    async (webhook) => {
      if ('problem' in webhook) {
        refuse(webhook.line, webhook.problem)
        return noteDown(webhook.line, false)
      }
      const { line, query, body, contentType } = webhook
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
      const isAccepted = isHandled({ status, text })
      if (isAccepted) result.accepted++
      else {
        const outcome = status === 0 ? text : outcomeOf(status, text)
        refuse(line, outcome, text)
        // The next ones would be refused as well, and the next time continues from here.
        if (note !== undefined && !isAboutWebhook(status, text)) {
          result.stoppedAt = { line, outcome }
          gaveUp.abort()
          return
        }
      }
      noteDown(line, isAccepted)
      report(() => `${result.accepted} accepted, ${result.refused} refused`)
    },
    { perSecond: options.dryRun ? Infinity : options.rate, concurrency: 1, ending: stopping },
  ).catch((error: unknown) => void (result.failure = asGatewayError(error)))
  if (stopping.aborted) result.interrupted = true
  return result
}

function isAboutWebhook(status: number, text: string): boolean {
  if (TOO_LONG.has(status)) return true
  const response = readResponse(text)
  return response !== undefined && response !== 'OK' && OF_THE_WEBHOOK.has(response.code)
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
    ...(options.command !== undefined && { command: options.command }),
  }

  const unanswered = new Set<string>()
  async function* entries(): AsyncGenerator<QuarantinedEntry> {
    let cursor: string | undefined
    do {
      const page: QuarantineResponse = await api.get('/v1/quarantine', {
        ...filter,
        limit: String(PAGE),
        ...(cursor !== undefined && { cursor }),
      })
      for (const receiver of page.receivers) {
        if (receiver.answered || unanswered.has(receiver.folder)) continue
        unanswered.add(receiver.folder)
        terminal.tell(`not all quarantines are known: ${visible(receiver.why)}`)
      }
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
  if (unanswered.size > 0) result.unanswered = unanswered.size
  return result
}
