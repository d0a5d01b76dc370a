import type { QuarantinedRequest } from './quarantine.ts'

/** An entry as it is stored in the journal of its kind. */
export interface StoredEntry {
  /** Unique in the quarantine, and the same while the reason changes. */
  readonly id: number
  /** When it came to the quarantine, in ms since 1970; the version before this one did not note it. */
  readonly atMs?: number
  readonly request: QuarantinedRequest
}

/** The reason quotes names of fields, and messages of errors: it must not be longer than what it explains. */
const MAX_REASON_CHARACTERS = 1_000
const MAX_COMMAND_CHARACTERS = 256

/** Returns the entry with a reason that is not too long. */
export const bounded = ({ request, ...entry }: StoredEntry): StoredEntry => ({
  ...entry,
  request: { ...request, reason: request.reason.slice(0, MAX_REASON_CHARACTERS) },
})

export const encodeEntry = (entry: StoredEntry): Buffer => Buffer.from(JSON.stringify(entry))
export const decodeEntry = (payload: Buffer): StoredEntry => JSON.parse(payload.toString()) as StoredEntry

/** Returns the command that a query names, in whatever letters it spells the parameter. */
export function commandIn(query: string): string | undefined {
  const named = [...new URLSearchParams(query)].find(([name]) => name.toLowerCase() === 'callbackcommand')
  return named?.[1].slice(0, MAX_COMMAND_CHARACTERS) || undefined
}
