import type {
  QuarantinedEntry,
  QuarantinedWhole,
  QuarantineKind,
  QuarantineReceiver,
  UnansweredReceiver,
} from '../../../shared/http-api/quarantine.ts'
import { asApiError } from './api.ts'
import type { Api, ApiError } from './api.ts'

const PAGE_SIZE = 100

/** Entries that are there for the same reason, of one kind. */
export interface ReasonGroup {
  readonly kind: QuarantineKind
  readonly reason: string
  /** As they are listed: newest first. */
  readonly entries: readonly QuarantinedEntry[]
}

/** What became of the latest action. */
export type Outcome =
  | { readonly kind: 'accepted' | 'dropped' | 'missing' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly failure: ApiError }
  | {
      readonly kind: 'retried'
      readonly accepted: number
      readonly refused: number
      readonly unanswered: readonly UnansweredReceiver[]
      /** Whether it ended before all were tried: it was stopped, or failed. */
      readonly isPartial: boolean
      readonly failure?: ApiError
    }

/** The quarantines of all receivers, as far as they have been read, and what is done about their entries. For admins. */
export class Quarantine {
  /** Newest first. */
  entries: readonly QuarantinedEntry[] = []
  receivers: readonly QuarantineReceiver[] = []
  hasMore = false
  /** When the first page was read, by the gateway's clock; undefined until it has been. */
  readAtMs: number | undefined
  /** Why the latest page could not be read. */
  failure: ApiError | undefined
  isReading = false
  /** The entry that is open, by its id, once it has been read. */
  openId: string | undefined
  whole: QuarantinedWhole | undefined
  openFailure: ApiError | undefined
  outcome: Outcome | undefined
  /** How many have been retried so far, while many are; undefined otherwise. */
  progress: { readonly accepted: number; readonly refused: number } | undefined
  isBusy = false
  readonly #api: Api
  readonly #onChange: () => void
  #cursor: string | undefined
  #isStopped = false
  /** Which reading is the latest: one that was overtaken is not shown. */
  #reading = 0

  constructor(api: Api, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
  }

  /** In the order of the newest entry of each. */
  get groups(): readonly ReasonGroup[] {
    const groups = new Map<string, QuarantinedEntry[]>()
    for (const entry of this.entries) {
      const name = JSON.stringify([entry.kind, entry.reason])
      const known = groups.get(name)
      if (known === undefined) groups.set(name, [entry])
      else known.push(entry)
    }
    return [...groups.values()].flatMap((entries) => {
      const [first] = entries
      return first === undefined ? [] : [{ kind: first.kind, reason: first.reason, entries }]
    })
  }

  /** Those whose entries are missing here. */
  get unanswered(): readonly UnansweredReceiver[] {
    return this.receivers.flatMap((receiver) => (receiver.answered ? [] : receiver))
  }

  /** How many entries there are in all, of the receivers that answered. */
  get total(): number {
    return this.receivers.reduce((sum, receiver) => sum + (receiver.answered ? receiver.entries : 0), 0)
  }

  /** Reads the newest entries anew. */
  async read(): Promise<void> {
    await this.#read(undefined)
  }

  async readMore(): Promise<void> {
    if (this.#cursor !== undefined) await this.#read(this.#cursor)
  }

  async open(id: string): Promise<void> {
    Object.assign(this, { openId: id, whole: undefined, openFailure: undefined, outcome: undefined })
    this.#onChange()
    const response = await this.#api.quarantined(id).catch(asApiError)
    if (this.openId !== id) return
    if ('entry' in response) this.whole = response.entry
    else this.openFailure = response
    if (this.openFailure?.code === 'NOT_IN_QUARANTINE') this.#remove(id)
    this.#onChange()
  }

  close(): void {
    Object.assign(this, { openId: undefined, whole: undefined, openFailure: undefined, outcome: undefined })
    this.#onChange()
  }

  /** What is accepted leaves the quarantine; what is refused stays, with its new reason. */
  async retry(id: string): Promise<void> {
    await this.#act(async () => {
      const response = await this.#api.retryQuarantined(id)
      if (response.accepted) {
        this.#remove(id)
        return { kind: 'accepted' }
      }
      this.#replaceReason(id, response.reason)
      return { kind: 'refused', reason: response.reason }
    }, id)
  }

  async drop(id: string): Promise<void> {
    await this.#act(async () => {
      await this.#api.dropQuarantined(id)
      this.#remove(id)
      return { kind: 'dropped' }
    }, id)
  }

  /** Retries every entry of the kind whose reason contains this one, also those that have not been read, until it is stopped. */
  async retryAll({ kind, reason }: Pick<ReasonGroup, 'kind' | 'reason'>): Promise<void> {
    this.#isStopped = false
    this.progress = { accepted: 0, refused: 0 }
    const unanswered = new Map<string, UnansweredReceiver>()
    await this.#act(async () => {
      let cursor: string | undefined
      let failure: ApiError | undefined
      do {
        const query = { kind, reason, ...(cursor !== undefined && { cursor }) }
        const response = await this.#api.retryQuarantine(query).catch(asApiError)
        if (!('accepted' in response)) {
          failure = response
          break
        }
        const { accepted, refused } = this.progress ?? { accepted: 0, refused: 0 }
        this.progress = { accepted: accepted + response.accepted, refused: refused + response.refused }
        for (const receiver of response.unanswered) unanswered.set(receiver.folder, receiver)
        ;({ cursor } = response)
        this.#onChange()
      } while (cursor !== undefined && !this.#isStopped)
      const { accepted, refused } = this.progress ?? { accepted: 0, refused: 0 }
      return {
        kind: 'retried',
        accepted,
        refused,
        unanswered: [...unanswered.values()],
        isPartial: cursor !== undefined || failure !== undefined,
        ...(failure !== undefined && { failure }),
      }
    })
    this.progress = undefined
    // What was refused is there for another reason now.
    await this.read()
  }

  /** Ends `retryAll` after the request that is under way. */
  stop(): void {
    this.#isStopped = true
  }

  async #read(cursor: string | undefined): Promise<void> {
    const reading = ++this.#reading
    this.isReading = true
    this.#onChange()
    const query = { limit: PAGE_SIZE, ...(cursor !== undefined && { cursor }) }
    const response = await this.#api.quarantine(query).catch(asApiError)
    if (reading !== this.#reading) return
    this.isReading = false
    if ('entries' in response) {
      this.failure = undefined
      // An entry may have been read before, if a receiver answers again that did not.
      const known = new Set(cursor === undefined ? [] : this.entries.map(({ id }) => id))
      const added = response.entries.filter(({ id }) => !known.has(id))
      this.entries = cursor === undefined ? added : [...this.entries, ...added]
      this.receivers = response.receivers
      this.#cursor = response.cursor
      this.hasMore = response.cursor !== undefined
      if (cursor === undefined) this.readAtMs = this.#api.clock.fromViewer(Date.now())
    } else this.failure = response
    this.#onChange()
  }

  /** One action at a time, so that each outcome is that of the button that was pressed. */
  async #act(action: () => Promise<Outcome>, id?: string): Promise<void> {
    if (this.isBusy) return
    this.isBusy = true
    this.outcome = undefined
    this.#onChange()
    try {
      this.outcome = await action()
    } catch (error) {
      const failure = asApiError(error)
      const isMissing = failure.code === 'NOT_IN_QUARANTINE' && id !== undefined
      if (isMissing) this.#remove(id)
      this.outcome = isMissing ? { kind: 'missing' } : { kind: 'failed', failure }
    }
    this.isBusy = false
    this.#onChange()
  }

  #remove(id: string): void {
    const entry = this.entries.find((one) => one.id === id)
    if (entry === undefined) return
    this.entries = this.entries.filter((one) => one !== entry)
    this.receivers = this.receivers.map((receiver) =>
      receiver.answered && id.startsWith(receiver.folder)
        ? { ...receiver, entries: Math.max(0, receiver.entries - 1) }
        : receiver,
    )
    if (this.openId === id) Object.assign(this, { openId: undefined, whole: undefined })
  }

  #replaceReason(id: string, reason: string): void {
    this.entries = this.entries.map((entry) => (entry.id === id ? { ...entry, reason } : entry))
    if (this.whole?.id === id) this.whole = { ...this.whole, reason }
  }
}

/** The receiver that holds an entry, by the id of its data folder. */
export const folderOf = (id: string): string => id.slice(0, id.lastIndexOf('-'))
