import { isUtf8 } from 'node:buffer'
import type { Recall } from '../../../shared/recall.ts'
import { toWebhook } from '../recalls.ts'
import type { RelayedRequest } from '../relay/relayed-request.ts'

/**
 * An authentic webhook that the gateway did not understand, or not wholly; a recall that the broker refused; a request that the
 * relay gave up; or what the disk returned in the place of something that was kept there.
 */
export interface QuarantinedRequest {
  readonly receivedAtMs: number
  /** The query, without `Sign`. */
  readonly query: string
  /** The body as it arrived, if it is valid UTF-8. */
  readonly body?: string
  /** Any other body, in Base64. */
  readonly bodyBase64?: string
  /** Default: POST. */
  readonly method?: string
  /** What stood behind the path of webhooks; missing if nothing did. */
  readonly path?: string
  /** As received. */
  readonly contentType?: string
  /** What only the relay needs to try it again. */
  readonly relay?: Pick<RelayedRequest, 'id' | 'command' | 'lane' | 'forwarded'>
  /** Why it is here. */
  readonly reason: string
}

/** Stores what could not be delivered, for an operator to inspect and retry. When full, evicts the oldest of its kind. */
export interface Quarantine {
  /** Adds a webhook that was not understood, or not wholly. Resolves once it is on disk. */
  add(request: QuarantinedRequest): Promise<void>
  /** Adds a recall that the broker refused. Resolves once it is on disk. */
  addRecall(request: QuarantinedRequest): Promise<void>
  /** Adds a request that the relay gave up. Resolves once it is on disk; rejects with errors of the file system. */
  addRelay(request: RelayedRequest, reason: string): Promise<void>
  /** Adds what the disk returned. Resolves once it is on disk; rejects with errors of the file system. */
  addRotten(bytes: Buffer, reason: string): Promise<void>
}

/** Returns the fields that hold a body, unchanged. */
export const encodeBody = (body: Buffer): Pick<QuarantinedRequest, 'body' | 'bodyBase64'> =>
  isUtf8(body) ? { body: body.toString() } : { bodyBase64: body.toString('base64') }

export const decodeBody = ({
  body,
  bodyBase64 = '',
}: Pick<QuarantinedRequest, 'body' | 'bodyBase64'>): Buffer =>
  body === undefined ? Buffer.from(bodyBase64, 'base64') : Buffer.from(body)

/** Returns a function that stores a recall which the broker cannot, as the webhook that it came from. */
export const createSetAside =
  (app: string, quarantine: Quarantine) =>
  async ({ recall, text, raw }: SpooledEntry, reason: string): Promise<void> => {
    if (recall === undefined) await quarantine.addRotten(raw ?? Buffer.from(text), reason)
    else await quarantine.addRecall({ receivedAtMs: recall.receivedAtMs, ...toWebhook(recall, app), reason })
  }

interface SpooledEntry {
  readonly recall: Recall | undefined
  readonly text: string
  readonly raw?: Buffer
}
