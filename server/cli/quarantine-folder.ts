import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GatewayError } from '../../shared/errors.ts'
import type { QuarantineKind } from '../../shared/http-api/quarantine.ts'
import { DEFAULT_DATA_DIR } from '../config/settings.ts'
import type { Environment } from '../config/settings.ts'
import { inDataDir, peekFolderId } from '../lib/data-dir.ts'
import type { QuarantinedRequest } from '../receiver/quarantine/quarantine.ts'
import { openQuarantine } from '../receiver/quarantine/quarantine-files.ts'
import { commandIn } from '../receiver/quarantine/stored-entry.ts'
import { withDataDir } from './command.ts'
import type { DataDirOption } from './command.ts'

/** Entries to work on: those with these ids, or all, as far as they match the rest. */
export interface Selection {
  /** With or without the id of the data folder before them. */
  readonly ids: readonly string[]
  readonly kind?: QuarantineKind
  readonly reason?: string
  readonly command?: string
}

interface FolderEntry {
  /** As the HTTP API names it. */
  readonly id: string
  /** In this folder. */
  readonly number: number
  readonly kind: QuarantineKind
  readonly quarantinedAtMs: number
  readonly request: QuarantinedRequest
}

/** The quarantine in a data folder. A gateway may be running on it meanwhile. */
export interface QuarantineFolder {
  /** Oldest first. */
  select(selection: Selection): FolderEntry[]
  /** Returns the ids that are not there. */
  missing(selection: Selection): string[]
  remove(number: number): Promise<void>
}

export const dataDirOf = (options: DataDirOption, environment: Environment): string =>
  withDataDir(options, environment)['DATA_DIR'] || DEFAULT_DATA_DIR

/**
 * Opens the quarantine of a data folder for as long as `work` takes. One where nothing was ever quarantined is empty. Rejects with
 * CONFIG_INVALID for a folder on which no gateway has ever run: it would look like one whose quarantine is empty.
 */
export async function withQuarantine(
  dataDir: string,
  work: (folder: QuarantineFolder) => Promise<void>,
): Promise<void> {
  const folderId = await inDataDir(dataDir, () => peekFolderId(dataDir))
  if (folderId === undefined && !existsSync(join(dataDir, 'quarantine')))
    throw new GatewayError(
      'CONFIG_INVALID',
      `no gateway has run on ${resolve(dataDir)}: set DATA_DIR, or name its data folder with --data-dir`,
    )
  if (!existsSync(join(dataDir, 'quarantine')))
    return await work({ select: () => [], missing: ({ ids }) => [...ids], remove: async () => undefined })
  const store = await openQuarantine({ dataDir, isOwner: false })
  const nameOf = (number: number): string => (folderId === undefined ? `${number}` : `${folderId}-${number}`)
  const isNamed = (number: number, id: string): boolean => id === nameOf(number) || id === String(number)
  const found = store
    .list()
    .map(({ id: number, ...entry }): FolderEntry => ({ id: nameOf(number), number, ...entry }))
  try {
    await work({
      select: ({ ids, kind, reason, command }) =>
        found.filter(
          (entry) =>
            (ids.length === 0 || ids.some((id) => isNamed(entry.number, id))) &&
            (kind === undefined || entry.kind === kind) &&
            (reason === undefined || entry.request.reason.includes(reason)) &&
            (command === undefined || commandIn(entry.request.query) === command),
        ),
      missing: ({ ids }) => ids.filter((id) => !found.some(({ number }) => isNamed(number, id))),
      remove: (number) => store.remove([number]),
    })
  } finally {
    await store.close()
  }
}
