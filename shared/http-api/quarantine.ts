/** Where an entry of the quarantine comes from. */
export type QuarantineKind = 'webhook' | 'recall' | 'relay' | 'rotten'

/** A request in the quarantine of a receiver, without its body. */
export interface QuarantinedEntry {
  /** `<data folder>-<number>`. */
  readonly id: string
  readonly kind: QuarantineKind
  /** Why it is there. At most 1,000 characters. */
  readonly reason: string
  /** When its webhook was received, in ms since 1970. */
  readonly receivedAtMs: number
  /** When it went to the quarantine, in ms since 1970. */
  readonly quarantinedAtMs: number
  /** `CallbackCommand` of its query. Missing if there is none. */
  readonly command?: string
  /** Size of its body. */
  readonly bytes: number
}

/** What a receiver said of its quarantine, or why it said nothing: its entries are missing then. */
export type QuarantineReceiver =
  | {
      /** The id of its data folder. */
      readonly folder: string
      readonly answered: true
      /** How many entries it holds. */
      readonly entries: number
      /** Their size on its disk. */
      readonly bytes: number
      /** How many of them the request asks for. */
      readonly matching: number
    }
  | UnansweredReceiver

export interface UnansweredReceiver {
  /** The id of its data folder, or `others`, which stands for all that are not known. */
  readonly folder: string
  readonly answered: false
  /** In words for people. */
  readonly why: string
}

/** `GET /v1/quarantine`. */
export interface QuarantineResponse {
  readonly ok: true
  readonly entries: readonly QuarantinedEntry[]
  /** Continues behind the last entry. Missing if there are no more. */
  readonly cursor?: string
  readonly receivers: readonly QuarantineReceiver[]
}

/** A request in the quarantine, whole. */
export interface QuarantinedWhole extends QuarantinedEntry {
  /** Without `Sign`. */
  readonly query: string
  /** Missing for what is no request, and in what earlier versions stored. */
  readonly method?: string
  /** What stood behind the path of webhooks. Missing if nothing did. */
  readonly path?: string
  readonly contentType?: string
  /** The body as it arrived, if it is valid UTF-8; of one larger than 512 KiB, which only a rotten entry has, what comes first. */
  readonly body?: string
  /** Any other body, in Base64. */
  readonly bodyBase64?: string
}

/** `GET /v1/quarantine/:id`. */
export interface QuarantinedEntryResponse {
  readonly ok: true
  readonly entry: QuarantinedWhole
}

/** `POST /v1/quarantine/:id/retry`. */
export type QuarantineRetryResponse =
  /** It is no longer in the quarantine. */
  | { readonly ok: true; readonly accepted: true }
  /** It stays there, for this reason. */
  | { readonly ok: true; readonly accepted: false; readonly reason: string }

/** `POST /v1/quarantine/retry`. */
export interface QuarantineRetriesResponse {
  readonly ok: true
  readonly accepted: number
  /** They stay in the quarantine. */
  readonly refused: number
  /** There may be more: the same request with it continues. Missing at the end. */
  readonly cursor?: string
  /** Receivers that did not answer: it is not known what they did. */
  readonly unanswered: readonly UnansweredReceiver[]
}

/** `DELETE /v1/quarantine/:id`, and `DELETE /v1/quarantine`. */
export interface QuarantineDropResponse {
  readonly ok: true
  readonly dropped: number
  /** See `QuarantineRetriesResponse`. Both are missing for one entry. */
  readonly cursor?: string
  readonly unanswered?: readonly UnansweredReceiver[]
}
