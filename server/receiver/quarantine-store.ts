import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import type { Quarantine, QuarantinedRequest } from './quarantine.ts'

const REQUESTS_AT_MOST = 1_000

interface QuarantineOptions {
  readonly dataDir: string
  /** For looking only: makes and changes nothing. */
  readonly readOnly?: boolean
}

interface QuarantineStore extends Quarantine {
  /** Oldest first. */
  list(): QuarantinedRequest[]
  close(): Promise<void>
}

/** The quarantine on local disk, in DATA_DIR. Another process may read it meanwhile. Throws what the file system throws. */
export function openQuarantine({ dataDir, readOnly = false }: QuarantineOptions): QuarantineStore {
  if (!readOnly) mkdirSync(dataDir, { recursive: true })
  const requests = open<QuarantinedRequest, number>({
    path: join(dataDir, 'quarantine'),
    encoding: 'json',
    readOnly,
    overlappingSync: false,
  })
  return {
    keep: (request) =>
      requests.transaction(() => {
        const [last] = requests.getKeys({ reverse: true, limit: 1 })
        requests.putSync((last ?? 0) + 1, request)
        const surplus = requests.getCount() - REQUESTS_AT_MOST
        for (const key of surplus > 0 ? Array.from(requests.getKeys({ limit: surplus })) : [])
          requests.removeSync(key)
      }),
    list: () => [...requests.getRange({})].map(({ value }) => value),
    close: () => requests.close(),
  }
}
