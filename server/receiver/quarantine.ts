import { join } from 'node:path'
import { openStore, committed } from '../lib/data-dir.ts'

/** A request that someone with a token sent and that the gateway did not understand. */
interface QuarantinedRequest {
  readonly receivedAtMs: number
  /** The query without what proves the sender. */
  readonly query: string
  /** The body as it arrived. */
  readonly body: string
  /** Why it was refused. */
  readonly reason: string
}

/** Keeps what was authentic and not understood, so that a person can look at it. When full, the oldest makes room. */
export interface Quarantine {
  keep(request: QuarantinedRequest): Promise<void>
}

const MAX_REQUESTS = 1_000

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
  const root = openStore(join(dataDir, 'quarantine'), { readOnly })
  const requests = root.openDB<QuarantinedRequest, number>('requests', { encoding: 'json' })
  return {
    async keep(request) {
      const keeping = root.transaction(() => {
        const [last] = requests.getKeys({ reverse: true, limit: 1 })
        requests.putSync((last ?? 0) + 1, request)
        const surplus = requests.getCount() - MAX_REQUESTS
        for (const key of surplus > 0 ? Array.from(requests.getKeys({ limit: surplus })) : [])
          requests.removeSync(key)
      })
      await committed(keeping)
    },
    list: () => [...requests.getRange({})].map(({ value }) => value),
    close: () => root.close(),
  }
}
