import { Option } from 'commander'
import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { checkFolderApp } from '../lib/data-dir.ts'
import { KINDS } from '../receiver/quarantine/kinds.ts'
import { decodeBody } from '../receiver/quarantine/quarantine.ts'
import { GIVEN_UP_CALL, REPLAY_CALL } from '../receiver/provider-call.ts'
import { isHandled } from '../receiver/responses.ts'
import { DATA_DIR_OPTION } from './command.ts'
import type { DataDirOption, Terminal } from './command.ts'
import { dataDirOf, withQuarantine } from './quarantine-folder.ts'
import type { QuarantineFolder, Selection } from './quarantine-folder.ts'
import { createCaller, withCallOptions } from './webhook-call.ts'
import type { CallOptions } from './webhook-call.ts'

type SelectOptions = DataDirOption & Omit<Selection, 'ids'>

/** Works on the quarantine in the data folder, whether a gateway runs on it or not. */
export function addQuarantine(program: Command, terminal: Terminal): void {
  const quarantine = program
    .command('quarantine')
    .description(
      'inspect, retry and drop authentic webhooks that the gateway did not understand, recalls that the broker refused, what the relay gave up, and what was found rotten on disk',
    )
  const add = (name: string, description: string): Command =>
    quarantine
      .command(`${name} [ids...]`)
      .description(description)
      .addOption(new Option('--kind <kind>', 'only those of this kind').choices(KINDS))
      .option('--reason <text>', 'only those whose reason contains this text')
      .option('--command <name>', 'only those with this CallbackCommand')
  const withDir = (command: Command): Command => command.option(...DATA_DIR_OPTION)
  const select = (ids: readonly string[], options: SelectOptions): Selection => ({
    ...options,
    ids: ids.map(parseId),
  })

  withDir(add('list', 'print entries without their bodies, oldest first, one JSON document per line')).action(
    (ids: string[], options: SelectOptions) => print(select(ids, options), options, terminal, false),
  )
  withDir(add('show', 'print whole entries, oldest first, one JSON document per line')).action(
    (ids: string[], options: SelectOptions) => print(select(ids, options), options, terminal, true),
  )
  withCallOptions(
    add(
      'retry',
      'post entries to a running gateway, freshly signed, and drop those that are answered with OK',
    ),
  ).action((ids: string[], options: SelectOptions & CallOptions) =>
    retry(select(ids, options), options, terminal),
  )
  withDir(add('drop', 'drop entries for good; needs ids, --kind, --reason or --command')).action(
    (ids: string[], options: SelectOptions) => drop(select(ids, options), options, terminal),
  )
}

function parseId(text: string): string {
  if (!/^([0-9a-f-]{36}-)?\d{1,15}$/.test(text))
    throw new GatewayError('CONFIG_INVALID', `${text} is no id: use those that "quarantine list" prints`)
  return text
}

/** Prints entries, oldest first. */
function print(
  selection: Selection,
  options: SelectOptions,
  { environment, print: printLine }: Terminal,
  isWhole: boolean,
): Promise<void> {
  return withQuarantine(dataDirOf(options, environment), async (folder) => {
    for (const { id, kind, quarantinedAtMs, request } of folder.select(selection)) {
      const { body, bodyBase64, relay: _relay, ...rest } = request
      const bytes = decodeBody(request).length
      const entry = { id, kind, quarantinedAtMs, ...rest, bytes }
      printLine(JSON.stringify(isWhole ? { ...entry, body, bodyBase64 } : entry))
    }
    rejectMissing(folder, selection)
  })
}

/** Drops entries for good: one that can never be retried would be warned of until it expires. */
async function drop(
  selection: Selection,
  options: SelectOptions,
  { environment, print: printLine }: Terminal,
): Promise<void> {
  const { ids, kind, reason, command } = selection
  if (ids.length === 0 && kind === undefined && reason === undefined && command === undefined)
    throw new GatewayError('CONFIG_INVALID', 'name what to drop: ids, --kind, --reason or --command')
  await withQuarantine(dataDirOf(options, environment), async (folder) => {
    for (const { id, number } of folder.select(selection)) {
      await folder.remove(number)
      printLine(`${id} dropped`)
    }
    rejectMissing(folder, selection)
  })
}

/**
 * Posts entries to a running gateway, oldest first, and prints the responses. What no receiver has handled stays, as it is: rejects with
 * SEND_FAILED then. Rejects with START_FAILED if the folder belongs to another app.
 */
async function retry(
  selection: Selection,
  options: SelectOptions & CallOptions,
  { environment, print: printLine }: Terminal,
): Promise<void> {
  const dataDir = dataDirOf(options, environment)
  let refused = 0
  await withQuarantine(dataDir, async (folder) => {
    const { app, call } = createCaller(options, environment)
    await checkFolderApp({ dataDir, app })
    for (const { id, number, kind, request } of folder.select(selection)) {
      if (kind === 'rotten') {
        printLine(`${id} is rotten: it cannot be posted`)
        continue
      }
      const { method, path, contentType } = request
      const answer = await call({
        method,
        path,
        query: new URLSearchParams(request.query),
        body: decodeBody(request),
        headers: {
          ...(kind === 'relay' ? GIVEN_UP_CALL : REPLAY_CALL),
          ...(contentType !== undefined && { 'Content-Type': contentType }),
        },
      })
      printLine(`${id} ${answer.status} ${answer.text}`)
      if (isHandled(answer)) await folder.remove(number)
      else refused++
    }
    rejectMissing(folder, selection)
  })
  if (refused > 0) throw new GatewayError('SEND_FAILED', `${refused} of the responses were not OK`)
}

/** Throws NOT_IN_QUARANTINE naming the ids that are not there, after the others have been dealt with. */
function rejectMissing(folder: QuarantineFolder, selection: Selection): void {
  const missing = folder.missing(selection)
  if (missing.length > 0) throw new GatewayError('NOT_IN_QUARANTINE', missing.join(', '))
}
