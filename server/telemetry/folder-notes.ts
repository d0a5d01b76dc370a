import Joi from 'joi'
import type { ProcessState } from '../../shared/http-api.ts'
import { parseRecord } from '../../shared/json.ts'
import { VERSION } from '../../shared/version.ts'

/** What was last noted of a data folder. */
export interface FolderNote {
  readonly folder: string
  /** The process that used it then. */
  readonly id: string
  readonly role: ProcessState['role']
  readonly host: string
  readonly startedAtMs: number
  /**
   * `used`: by a process that has not said since that nothing is left there. `left`: recalls are on it, and the process is
   * gone. `closed`: nothing is left there, or somebody has said that it is lost.
   */
  readonly what: 'used' | 'left' | 'closed'
  /** Recalls that are left there, as far as it is known. */
  readonly recalls: number
  /** When it was noted first, in ms since 1970, of one that was noted again. */
  readonly sinceMs?: number
}

export type DatedNote = FolderNote & { readonly atMs: number }

/** A data folder that no process has taken over since its own vanished. Nodes and heartbeats forget that after ten minutes. */
export type LeftFolder = DatedNote

/** Younger notes are about processes of which the heartbeats tell, or will within a second. */
const SETTLED_MS = 60_000

const schema = Joi.object<FolderNote>({
  folder: Joi.string().max(64).required(),
  id: Joi.string().max(64).required(),
  role: Joi.valid('all', 'receiver').required(),
  host: Joi.string().allow('').max(64).required(),
  startedAtMs: Joi.number().min(0).required(),
  what: Joi.valid('used', 'left', 'closed').required(),
  recalls: Joi.number().integer().min(0).required(),
  sinceMs: Joi.number().min(0),
})

export const encodeNote = (note: FolderNote): string => {
  const { folder, id, role, host, startedAtMs, what, recalls, sinceMs } = note
  return JSON.stringify({ v: VERSION, folder, id, role, host, startedAtMs, what, recalls, sinceMs })
}

/** Returns undefined for what this version cannot read. */
export function decodeNote(text: string): FolderNote | undefined {
  const { value, error } = schema.validate(parseRecord(text), { stripUnknown: true, convert: false })
  return error === undefined ? value : undefined
}

/** Returns the latest note of each folder. `notes`: newest first. */
export function latestNotes(notes: readonly DatedNote[]): ReadonlyMap<string, DatedNote> {
  const latest = new Map<string, DatedNote>()
  for (const note of notes) if (!latest.has(note.folder)) latest.set(note.folder, note)
  return latest
}

/** Returns the folders that nobody has, oldest first; pure. `known`: those of the processes of which the heartbeats tell. */
export function leftFolders(
  latest: ReadonlyMap<string, DatedNote>,
  known: readonly { readonly dataFolder?: string | undefined }[],
  nowMs: number,
): LeftFolder[] {
  const ofProcesses = new Set(known.map(({ dataFolder }) => dataFolder))
  return [...latest.values()]
    .filter(
      ({ folder, what, atMs }) => what !== 'closed' && !ofProcesses.has(folder) && nowMs - atMs > SETTLED_MS,
    )
    .toSorted((a, b) => a.atMs - b.atMs)
}
