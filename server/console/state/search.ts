import type { SearchResponse } from '../../../shared/http-api/search.ts'
import type { Room } from '../../../shared/room.ts'
import { asApiError } from './api.ts'
import type { Api, ApiError } from './api.ts'
import { identityOf } from './conversations.ts'
import { MAX_ROWS } from './feed.ts'
import type { FoundRecall } from './feed.ts'
import { Pace } from './pace.ts'

/** So many are searched for at a time: more than fit on a screen. */
const WANTED_HITS = 200
/** The node may be busy, or ask for a pause. */
const RETRY_MS = 2_000
const MAX_RETRY_MS = 30_000
const MAX_RETRIES = 5
/**
 * The gateway counts a page of a search as 21 requests, and takes 1,000 within 10 s of one user, in all tabs: what is left is for the
 * rest of the page.
 */
const pace = new Pace(30, 10_000)

interface Hit extends FoundRecall {
  /** Keys increase with age here, and are below those of the feed, whose rows are all newer. */
  readonly key: number
}

/**
 * - `searching`: requests are on their way.
 * - `more`: enough was found for now, and there is more to search.
 * - `full`: as many were found as the page holds.
 * - `done`: the log was searched to its end; whether that is all that is kept, `isWhole` says.
 * - `failed`: the search stopped, see `failure`.
 */
type SearchState = 'searching' | 'more' | 'full' | 'done' | 'failed'

/** A search through the logs, newest first, in as many requests as it takes. */
export class Search {
  readonly q: string
  state: SearchState = 'searching'
  failure: ApiError | undefined
  /** The room whose log is searched first: the one that the search names if its log reaches back further than the feed, or the feed. */
  room: Room | undefined
  /** How many recalls were looked at. */
  entries = 0
  /** How many of them nobody can read, such as those with a wrong signature: whether they match is not known. */
  unreadable = 0
  /** When the gateway stored the oldest of those looked at last. */
  backToMs: number | undefined
  /** When the gateway stored the oldest entry of the log; undefined until it is known, or if there is none. */
  keptSinceMs: number | undefined
  /** When it began, by the gateway's clock. */
  readonly readAtMs: number
  /** Which logs that were not searched may hold more. */
  #beyond: SearchResponse['beyond']
  readonly #api: Api
  readonly #onChange: () => void
  /** Newest first. */
  #hits: readonly Hit[] = []
  #cursor: string | undefined
  #stop = new AbortController()

  constructor(q: string, api: Api, onChange: () => void) {
    this.q = q
    this.#api = api
    this.#onChange = onChange
    this.readAtMs = api.clock.fromViewer(Date.now())
    void this.#run()
  }

  /** Newest first. */
  get hits(): readonly Hit[] {
    return this.#hits
  }

  /** Whether nothing else that is kept can match: if not, logs of conversations may reach further back than that of the feed. */
  get isWhole(): boolean {
    return this.#beyond !== 'conversations'
  }

  /** Searches on, or tries again. */
  resume(): void {
    if (this.state !== 'more' && this.state !== 'failed') return
    void this.#run()
  }

  /** Ends it: nothing is asked or told any more. */
  stop(): void {
    this.#stop.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    const wanted = this.#hits.length + WANTED_HITS
    this.state = 'searching'
    this.failure = undefined
    this.#onChange()
    for (let retries = 0; !signal.aborted && this.state === 'searching';) {
      const waitMs = pace.next()
      if (waitMs > 0) await pause(waitMs)
      if (signal.aborted) return
      const page = await this.#api.search(this.q, this.#cursor).catch(asApiError)
      if (signal.aborted) return
      if ('hits' in page) {
        retries = 0
        this.#take(page, wanted)
      } else if (!page.isTransient || ++retries > MAX_RETRIES) {
        this.failure = page
        this.state = 'failed'
      } else await pause(Math.min(page.retryInMs ?? RETRY_MS, MAX_RETRY_MS))
      this.#onChange()
    }
  }

  #take({ hits, searched, keptSinceMs, cursor, beyond, restarted }: SearchResponse, wanted: number): void {
    if (restarted === true) {
      this.#hits = []
      this.room = undefined
      this.entries = 0
      this.unreadable = 0
    }
    const found = hits.map(({ room, epoch, notice }, i) => ({
      identity: identityOf(notice),
      key: -1 - this.#hits.length - i,
      row: { kind: 'notice', room, epoch, notice } as const,
    }))
    this.#hits = [...this.#hits, ...found].slice(0, MAX_ROWS)
    this.room ??= searched.room
    this.entries += searched.entries
    this.unreadable += searched.unreadable ?? 0
    this.#beyond = beyond
    this.backToMs = searched.fromMs ?? this.backToMs
    this.keptSinceMs = keptSinceMs ?? undefined
    this.#cursor = cursor
    if (cursor === undefined) this.state = 'done'
    else if (this.#hits.length >= MAX_ROWS) this.state = 'full'
    else if (this.#hits.length >= wanted) this.state = 'more'
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
