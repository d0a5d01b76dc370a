import { join } from 'node:path'
import { committed, openStore } from '../lib/data-dir.ts'

/** An authentic webhook that the gateway did not understand. */
export interface QuarantinedRequest {
  readonly receivedAtMs: number
  /** The query, without `Sign`. */
  readonly query: string
  /** The body as it arrived. */
  readonly body: string
  /** Why it was refused. */
  readonly reason: string
}

/** Stores authentic webhooks that were not understood, for an operator to inspect. When full, evicts the oldest. */
export interface Quarantine {
  /** Resolves once the request is on disk. */
  add(request: QuarantinedRequest): Promise<void>
}

const MAX_REQUESTS = 1_000

interface QuarantineOptions {
  readonly dataDir: string
  /** Creates and changes nothing. */
  readonly readOnly?: boolean
}

interface QuarantineStore extends Quarantine {
  /** Oldest first. */
  list(): QuarantinedRequest[]
  close(): Promise<void>
}

/** Opens the quarantine in DATA_DIR. Another process may read it at the same time. Throws file system errors. */
export function openQuarantine({ dataDir, readOnly = false }: QuarantineOptions): QuarantineStore {
  const root = openStore(join(dataDir, 'quarantine'), { readOnly })
  const requests = root.openDB<QuarantinedRequest, number>('requests', { encoding: 'json' })
  return {
    async add(request) {
      const write = root.transaction(() => {
        const [last] = requests.getKeys({ reverse: true, limit: 1 })
        requests.putSync((last ?? 0) + 1, request)
        const surplus = requests.getCount() - MAX_REQUESTS
        for (const key of surplus > 0 ? Array.from(requests.getKeys({ limit: surplus })) : [])
          requests.removeSync(key)
      })
      await committed(write)
    },
    list: () => [...requests.getRange({})].map(({ value }) => value),
    close: () => root.close(),
  }
}
