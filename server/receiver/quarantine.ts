import { isUtf8 } from 'node:buffer'
import { join } from 'node:path'
import type { Recall } from '../../shared/recall.ts'
import { committed, openStore } from '../lib/data-dir.ts'
import type { Database, RootDatabase } from '../lib/data-dir.ts'
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

/** Stores what could not be delivered, for an operator to inspect and replay. When full, evicts the oldest of its kind. */
export interface Quarantine {
  /** Adds a webhook that was not understood, or not wholly. Resolves once it is on disk. */
  add(request: QuarantinedRequest): Promise<void>
  /** Adds a recall that the broker refused. Resolves once it is on disk. */
  addRecall(request: QuarantinedRequest): Promise<void>
}

/** Returns the fields that hold a body, unchanged. */
export const encodeBody = (body: Buffer): Pick<QuarantinedRequest, 'body' | 'bodyBase64'> =>
  isUtf8(body) ? { body: body.toString() } : { bodyBase64: body.toString('base64') }

export const decodeBody = ({ body, bodyBase64 = '' }: QuarantinedRequest): Buffer =>
  body === undefined ? Buffer.from(bodyBase64, 'base64') : Buffer.from(body)

const MAX_REQUESTS = 1_000
/** They were answered with OK, so far more are kept, and webhooks that nobody understands do not evict them. */
const MAX_RECALLS = 50_000

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
  const [requests, recalls] = ['requests', 'recalls'].map((name) => openKind(root, name))

  /** Ids are unique among both kinds. */
  async function add(kind: Kind | undefined, max: number, request: QuarantinedRequest): Promise<void> {
    const write = root.transaction(() => {
      if (kind === undefined) return 0
      kind.putSync(Math.max(lastKey(requests), lastKey(recalls)) + 1, request)
      const surplus = Math.max(0, kind.getCount() - max)
      for (const key of Array.from(kind.getKeys({ limit: surplus }))) kind.removeSync(key)
      return surplus
    })
    const evicted = await committed(write)
    if (evicted > 0) onEvicted?.(evicted)
  }

  return {
    add: (request) => add(requests, MAX_REQUESTS, request),
    addRecall: (request) => add(recalls, MAX_RECALLS, request),
    list: () =>
      [requests, recalls]
        .flatMap((kind) => Array.from(kind?.getRange({}) ?? []))
        .map(({ key: id, value: request }) => ({ id, request }))
        .toSorted((one, other) => one.id - other.id),
    size: () => (requests?.getCount() ?? 0) + (recalls?.getCount() ?? 0),
    async remove(id) {
      for (const kind of [requests, recalls]) if (kind) await committed(kind.remove(id))
    },
    close: () => root.close(),
  }
}

type Kind = Database<QuarantinedRequest, number>

/** Undefined in a folder of an earlier version that is only read. */
const openKind = (root: RootDatabase, name: string): Kind | undefined =>
  root.openDB(name, { encoding: 'json' })

function lastKey(kind: Kind | undefined): number {
  const [last] = kind?.getKeys({ reverse: true, limit: 1 }) ?? []
  return last ?? 0
}

/** Returns a function that stores a recall which the broker cannot, as the webhook that it came from. */
export const createSetAside =
  (app: string, quarantine: Quarantine) =>
  ({ recall, text }: { readonly recall: Recall | undefined; readonly text: string }, reason: string) =>
    quarantine.addRecall({
      receivedAtMs: recall?.receivedAtMs ?? Date.now(),
      ...(recall === undefined ? { query: '', body: text } : toWebhook(recall, app)),
      reason,
    })
