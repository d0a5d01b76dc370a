import type { TestRecallResponse } from '../../../shared/http-api.ts'
import { nameOf } from '../../../shared/message.ts'
import type { MessageName } from '../../../shared/message.ts'
import { asApiError } from './api.ts'
import type { Api, ApiError, TestRecallRequest } from './api.ts'
import { isSameConversation } from './conversations.ts'
import type { Row } from './feed.ts'

/** A notice takes a few ms. One that has not arrived by then may still come, but somebody should know. */
export const OVERDUE_MS = 5_000

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
    const { request } = this
    if (request === undefined || this.arrivedAfterMs !== undefined) return
    const names: readonly MessageName[] = request.seqs ?? request.keys
    const hasArrived = rows.some(
      (row) =>
        row.kind === 'notice' &&
        row.seenAtMs !== undefined &&
        isSameConversation(row.notice, request) &&
        row.notice.messages.every((message) => names.includes(nameOf(message))),
    )
    if (hasArrived) this.arrivedAfterMs = performance.now() - this.#sentAtMs
  }
}
