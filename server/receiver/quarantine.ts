import { isUtf8 } from 'node:buffer'
import { join } from 'node:path'
import type { Recall } from '../../shared/recall.ts'
import { committed, openStore } from '../lib/data-dir.ts'
import { toWebhook } from './commands/group-recall.ts'

/** An authentic webhook that the gateway did not understand, or not wholly, or a recall that the broker refused. */
export interface QuarantinedRequest {
  readonly receivedAtMs: number
  /** The query, without `Sign`. */
  readonly query: string
  /** The body as it arrived, if it is valid UTF-8. */
  readonly body?: string
  /** Any other body, in Base64. */
  readonly bodyBase64?: string
  /** Why it is here. */
  readonly reason: string
}

/** Stores authentic webhooks that were not understood, for an operator to inspect and replay. When full, evicts the oldest. */
export interface Quarantine {
  /** Resolves once the request is on disk. */
  add(request: QuarantinedRequest): Promise<void>
}

/** Returns the fields that hold a body, unchanged. */
export const encodeBody = (body: Buffer): Pick<QuarantinedRequest, 'body' | 'bodyBase64'> =>
  isUtf8(body) ? { body: body.toString() } : { bodyBase64: body.toString('base64') }

export const decodeBody = ({ body, bodyBase64 = '' }: QuarantinedRequest): Buffer =>
  body === undefined ? Buffer.from(bodyBase64, 'base64') : Buffer.from(body)

const MAX_REQUESTS = 1_000

interface QuarantineOptions {
  readonly dataDir: string
  /** Creates and changes nothing. */
  readonly readOnly?: boolean
  /** Called with how many were evicted. */
  readonly onEvicted?: (requests: number) => void
}

interface QuarantineStore extends Quarantine {
  /** Oldest first. */
  list(): { readonly id: number; readonly request: QuarantinedRequest }[]
  size(): number
  remove(id: number): Promise<void>
  close(): Promise<void>
}

/** Opens the quarantine in DATA_DIR. Another process may read it at the same time. Throws file system errors. */
export function openQuarantine({ dataDir, readOnly = false, onEvicted }: QuarantineOptions): QuarantineStore {
  const root = openStore(join(dataDir, 'quarantine'), { readOnly })
  const requests = root.openDB<QuarantinedRequest, number>('requests', { encoding: 'json' })
  return {
    async add(request) {
      const write = root.transaction(() => {
        const [last] = requests.getKeys({ reverse: true, limit: 1 })
        requests.putSync((last ?? 0) + 1, request)
        const surplus = Math.max(0, requests.getCount() - MAX_REQUESTS)
        for (const key of Array.from(requests.getKeys({ limit: surplus }))) requests.removeSync(key)
        return surplus
      })
      const evicted = await committed(write)
      if (evicted > 0) onEvicted?.(evicted)
    },
    list: () => Array.from(requests.getRange({}), ({ key: id, value: request }) => ({ id, request })),
    size: () => requests.getCount(),
    remove: async (id) => void (await committed(requests.remove(id))),
    close: () => root.close(),
  }
}

/** Returns a function that stores a recall which the broker cannot, as the webhook that it came from. */
export const createSetAside =
  (app: string, quarantine: Quarantine) =>
  ({ recall, text }: { readonly recall: Recall | undefined; readonly text: string }, reason: string) =>
    quarantine.add({
      receivedAtMs: recall?.receivedAtMs ?? Date.now(),
      ...(recall === undefined ? { query: '', body: text } : toWebhook(recall, app)),
      reason,
    })
