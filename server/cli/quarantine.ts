import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { GatewayError } from '../../shared/errors.ts'
import { DEFAULT_DATA_DIR } from '../config/settings.ts'
import { checkFolderApp } from '../lib/data-dir.ts'
import { openQuarantine } from '../receiver/quarantine/quarantine-files.ts'
import { REPLAY_CALL } from '../receiver/provider-call.ts'
import { decodeBody } from '../receiver/quarantine/quarantine.ts'
import { withDataDir } from './command.ts'
import type { Terminal } from './command.ts'
import { createCaller, withCallOptions } from './webhook-call.ts'
import type { CallOptions } from './webhook-call.ts'

interface QuarantineOptions extends CallOptions {
  readonly replay: boolean
  readonly remove?: readonly number[]
}

export function addQuarantine(program: Command, terminal: Terminal): void {
  const command = program
    .command('quarantine')
    .description(
      'print authentic webhooks that the gateway did not understand, recalls that the broker refused, and what was found rotten on disk, one JSON document per line',
    )
    .option('--replay', 'post them again, freshly signed, and remove those that are answered with OK', false)
    .addOption(
      new Option('--remove <ids>', 'remove these for good, separated by commas')
        .argParser(parseIds)
        .conflicts('replay'),
    )
  withCallOptions(command).action(async (options: QuarantineOptions) => {
    if (options.replay) return await replay(options, terminal)
    if (options.remove === undefined) return await list(options, terminal)
    const missing = await remove(options.remove, options, terminal)
    if (missing.length > 0) command.error(`error: not in the quarantine: ${missing.join(', ')}`)
  })
}

function parseIds(text: string): number[] {
  const ids = text.split(',').map((id) => id.trim())
  if (!ids.every((id) => /^\d{1,15}$/.test(id)))
    throw new InvalidArgumentError('Use the ids that the command prints, separated by commas.')
  return ids.map(Number)
}

/** Prints the quarantined webhooks, oldest first. The gateway may be running meanwhile. */
async function list(options: QuarantineOptions, { environment, print }: Terminal): Promise<void> {
  const store = await open(withDataDir(options, environment))
  for (const { id, kind, request } of store?.list() ?? []) print(JSON.stringify({ id, kind, ...request }))
  await store?.close()
}

/** Removes entries for good: one that can never be posted would be warned of for ever. Resolves to the ids that are not there. */
async function remove(
  ids: readonly number[],
  options: QuarantineOptions,
  { environment, print }: Terminal,
): Promise<number[]> {
  const store = await open(withDataDir(options, environment))
  const entries = store?.list() ?? []
  try {
    for (const entry of entries.filter(({ id }) => ids.includes(id))) {
      await store?.remove([entry.id])
      print(`${entry.id} removed`)
    }
  } finally {
    await store?.close()
  }
  return ids.filter((id) => !entries.some((entry) => entry.id === id))
}

/**
 * Posts the quarantined webhooks to a running gateway, oldest first, and prints the responses. Rejects with SEND_FAILED if one is
 * not OK: it stays, as it is. What is answered with OK and still not wholly understood is quarantined anew. Rejects with
 * START_FAILED if the folder belongs to another app.
 */
async function replay(options: QuarantineOptions, { environment, print }: Terminal): Promise<void> {
  const store = await open(withDataDir(options, environment))
  if (store === undefined) return
  const { app, call } = createCaller(options, environment)
  await checkFolderApp({ dataDir: dataDirOf(withDataDir(options, environment)), app })
  let refused = 0
  try {
    for (const entry of store.list()) {
      const { id, kind, request } = entry
      if (kind === 'rotten') {
        print(`${id} is rotten: it cannot be posted`)
        continue
      }
      const query = new URLSearchParams(request.query)
      const { status, text } = await call({ query, body: decodeBody(request), headers: REPLAY_CALL })
      print(`${id} ${status} ${text}`)
      if (status === 200) await store.remove([id])
      else refused++
    }
  } finally {
    await store.close()
  }
  if (refused > 0) throw new GatewayError('SEND_FAILED', `${refused} of the responses were not OK`)
}

const dataDirOf = (environment: Terminal['environment']): string =>
  environment['DATA_DIR'] || DEFAULT_DATA_DIR

/** Undefined if nothing was ever quarantined in this data folder. */
async function open(environment: Terminal['environment']) {
  const dataDir = dataDirOf(environment)
  if (!existsSync(join(dataDir, 'quarantine'))) return undefined
  return await openQuarantine({ dataDir, isOwner: false })
}
