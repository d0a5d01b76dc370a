import type { TestRecallResponse } from '../../../shared/http-api.ts'
import type { Conversation } from '../../../shared/conversation.ts'
import { asApiError } from './api.ts'
import type { Api, ApiError } from './api.ts'
import type { Row } from './feed.ts'

/** A notice takes a few ms. One that has not arrived by then may still come, but somebody should know. */
export const OVERDUE_MS = 5_000

export type TestRecallRequest = Conversation & { readonly seqs: readonly number[] }

/** The latest test recall: sent, answered, and watched for in the feed, whichever view is open. */
export class TestRecall {
  request: TestRecallRequest | undefined
  response: TestRecallResponse | undefined
  failure: ApiError | undefined
  /** How long it took to arrive in the feed, in ms; undefined until it has. */
  arrivedAfterMs: number | undefined
  isOverdue = false
  readonly #api: Api
  readonly #onChange: () => void
  #sentAtMs = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(api: Api, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
  }

  async send(request: TestRecallRequest): Promise<void> {
    clearTimeout(this.#timer)
    Object.assign(this, { request, response: undefined, failure: undefined, arrivedAfterMs: undefined })
    this.isOverdue = false
    this.#sentAtMs = performance.now()
    this.#timer = setTimeout(() => {
      this.isOverdue = this.arrivedAfterMs === undefined
      this.#onChange()
    }, OVERDUE_MS)
    this.#onChange()
    const response = await this.#api.testRecall(request).catch(asApiError)
    // Another one has been sent meanwhile.
    if (this.request !== request) return
    if ('positions' in response) this.response = response
    else this.failure = response
    this.#onChange()
  }

  /** Takes the rows that arrive in the feed. The notice may be faster than the response. */
  onRows(rows: readonly Row[]): void {
    if (this.request === undefined || this.arrivedAfterMs !== undefined) return
    const { group, topic, seqs } = this.request
    const hasArrived = rows.some(
      (row) =>
        row.kind === 'notice' &&
        row.seenAtMs !== undefined &&
        row.notice.group === group &&
        row.notice.topic === topic &&
        row.notice.messages.every(({ seq }) => seq !== undefined && seqs.includes(seq)),
    )
    if (hasArrived) this.arrivedAfterMs = performance.now() - this.#sentAtMs
  }
}
