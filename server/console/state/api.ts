import { ERRORS } from '../../../shared/errors.ts'
import type { AuditResponse } from '../../../shared/http-api/audit.ts'
import type {
  AccessReturnedResponse,
  ListedRevocation,
  RevocationsResponse,
} from '../../../shared/http-api/revocations.ts'
import type {
  DisconnectResponse,
  ErrorResponse,
  NoticesResponse,
  PositionResponse,
  StatusResponse,
  TestRecallResponse,
} from '../../../shared/http-api.ts'
import type {
  QuarantineDropResponse,
  QuarantinedEntryResponse,
  QuarantineResponse,
  QuarantineRetriesResponse,
  QuarantineRetryResponse,
} from '../../../shared/http-api/quarantine.ts'
import type { ConfigurationResponse } from '../../../shared/http-api/configuration.ts'
import type { DeliveryResponse } from '../../../shared/http-api/delivery.ts'
import type { DoctorResponse } from '../../../shared/http-api/doctor.ts'
import type { HealthHistoryResponse } from '../../../shared/http-api/health-history.ts'
import type { SignInResponse, WhoamiResponse } from '../../../shared/http-api/identity.ts'
import type { RoomPresenceResponse, UserPresenceResponse } from '../../../shared/http-api/presence.ts'
import type { SearchResponse } from '../../../shared/http-api/search.ts'
import type { TopResponse } from '../../../shared/http-api/top.ts'
import type { RecalledResponse } from '../../../shared/protocol.ts'
import type { Conversation } from '../../../shared/conversation.ts'
import type { Position } from '../../../shared/position.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { GatewayClock } from './gateway-clock.ts'

/** A gateway that has not responded by then will not: a half-open connection would keep the page waiting for minutes. */
const TIMEOUT_MS = 10_000
/** A process knows its status within about a second, whatever else works. Until then, the page shows one that is old. */
const STATUS_TIMEOUT_MS = 5_000

/** How many hits a page of a search has at most. */
const SEARCH_PAGE = 200

/** Messages of a group by `MsgSeq`, those of any other conversation by `MsgKey`. */
export type TestRecallRequest = Conversation &
  (
    | { readonly seqs: readonly number[]; readonly keys?: undefined }
    | { readonly keys: readonly string[]; readonly seqs?: undefined }
  )

/** A refusal by the gateway, or `NO_ANSWER` if it did not respond. */
export class ApiError extends Error {
  readonly code: string
  /** When the same request may succeed, if the gateway has said so. */
  readonly retryInMs: number | undefined

  constructor(code: string, message: string, retryInMs?: number) {
    super(message)
    this.code = code
    this.retryInMs = retryInMs
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    const known: Readonly<Partial<Record<string, { readonly retry: boolean }>>> = ERRORS
    return known[this.code]?.retry ?? true
  }
}

/** Returns `error` as an `ApiError`, whatever was thrown. */
export const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError('NO_ANSWER', String(error))

/**
 * The HTTP API of the gateway that served the page. Each call uses the current token. Calls reject with an `ApiError`.
 */
export class Api {
  /** Set by every response. */
  readonly clock = new GatewayClock()
  readonly #token: () => string

  constructor(token: () => string) {
    this.#token = token
  }

  notices(room: Room, query: Query): Promise<NoticesResponse> {
    return this.#get('notices', [...queryOf(room), ...Object.entries(query)])
  }

  /** `q` is in the language of `shared/filter.ts`; `before` is the cursor of the page before. */
  search(q: string, before?: string): Promise<SearchResponse> {
    return this.#get('search', [
      ['q', q],
      ['limit', SEARCH_PAGE],
      ...(before === undefined ? [] : ([['before', before]] as const)),
    ])
  }

  /** When the recall at a position was stored, and first told. */
  delivery(room: Room, { epoch, offset }: Position): Promise<DeliveryResponse> {
    return this.#get('delivery', [...queryOf(room), ['at', `${epoch}:${offset}`]])
  }

  position(room: Room): Promise<PositionResponse> {
    return this.#get('position', queryOf(room))
  }

  /** Of a group, `names` are ranges of `MsgSeq`, such as `1-10`; of any other conversation, each `MsgKey`. */
  recalled(conversation: Conversation, names: string | readonly string[]): Promise<RecalledResponse> {
    const wanted: Parameter[] =
      typeof names === 'string' ? [['seqs', names]] : names.map((key) => ['keys', key])
    return this.#get('recalled', [...queryOf(conversation), ...wanted])
  }

  /** A node that has not been updated yet says less. */
  async status(): Promise<StatusResponse> {
    const status: Partial<StatusResponse> & Pick<StatusResponse, 'ok' | 'testRecalls' | 'self' | 'nodes'> =
      await this.#call('status', {}, STATUS_TIMEOUT_MS)
    return { problems: [], gone: [], complete: true, ...status }
  }

  /** Other processes are asked, for 2 s at most each. */
  configuration(): Promise<ConfigurationResponse> {
    return this.#call('configuration', {})
  }

  /** Other nodes are asked, as above. */
  userPresence(userId: string): Promise<UserPresenceResponse> {
    return this.#get('user-presence', [['userId', userId]])
  }

  roomPresence(room: Room): Promise<RoomPresenceResponse> {
    return this.#get('room-presence', queryOf(room))
  }

  healthHistory(): Promise<HealthHistoryResponse> {
    return this.#call('health-history', {})
  }

  doctor(): Promise<DoctorResponse> {
    return this.#call('doctor', {}, 2 * TIMEOUT_MS)
  }

  whoami(): Promise<WhoamiResponse> {
    return this.#call('whoami', {}, STATUS_TIMEOUT_MS)
  }

  /** For a page without a token, too. */
  signIn(): Promise<SignInResponse> {
    return this.#call('sign-in', {}, STATUS_TIMEOUT_MS)
  }

  /** Opens a response of any length: of `GET /v1/export` and the like. The signal ends it. */
  open(path: string, query: Query, signal: AbortSignal): Promise<Response> {
    return this.#open(path, Object.entries(query), signal)
  }

  /** Opens a file of evidence of a room's log; `q` says which recalls are shown, empty for all. */
  openEvidence(room: Room, q: string, signal: AbortSignal): Promise<Response> {
    return this.#open('evidence', [...queryOf(room), ...(q === '' ? [] : ([['q', q]] as const))], signal)
  }

  async #open(path: string, query: readonly Parameter[], signal: AbortSignal): Promise<Response> {
    const headers = { Authorization: `Bearer ${this.#token()}` }
    const url = `v1/${path}?${toText(query)}`
    const response = await fetch(url, { headers, signal }).catch(() => undefined)
    if (response?.ok && response.body) return response
    const body = (await response?.json().catch(() => undefined)) as Partial<ErrorResponse> | undefined
    const retryInS = Number(response?.headers.get('Retry-After') ?? NaN)
    throw new ApiError(
      body?.code ?? 'NO_ANSWER',
      body?.message ?? '',
      retryInS >= 0 ? retryInS * 1_000 : undefined,
    )
  }

  testRecall(recall: TestRecallRequest): Promise<TestRecallResponse> {
    return this.#call('test-recall', { method: 'POST', body: JSON.stringify(recall) })
  }

  /** Without a conversation, revokes everything. */
  disconnect(order: Partial<Conversation> & { readonly userId: string; readonly forS: number }) {
    return this.#call<DisconnectResponse>('disconnect', { method: 'POST', body: JSON.stringify(order) })
  }

  revocations(): Promise<RevocationsResponse> {
    return this.#call('revocations', {})
  }

  /** Ends a revocation early. */
  giveBack({
    userId,
    conversation,
  }: Pick<ListedRevocation, 'userId' | 'conversation'>): Promise<AccessReturnedResponse> {
    const where = conversation === undefined ? [] : queryOf(conversation)
    return this.#call(`revocations?${toText([['userId', userId], ...where])}`, { method: 'DELETE' })
  }

  audit(query: Query): Promise<AuditResponse> {
    return this.#get('audit', Object.entries(query))
  }

  /** Where, and by whom, most was recalled in the last `forS` seconds. */
  top(forS = 3_600): Promise<TopResponse> {
    return this.#get('top', [['forS', forS]])
  }

  quarantine(query: Query): Promise<QuarantineResponse> {
    return this.#get('quarantine', Object.entries(query))
  }

  quarantined(id: string): Promise<QuarantinedEntryResponse> {
    return this.#call(`quarantine/${id}`, {})
  }

  retryQuarantined(id: string): Promise<QuarantineRetryResponse> {
    return this.#call(`quarantine/${id}/retry`, { method: 'POST' })
  }

  /** Works for about a second, and returns a cursor if there may be more. */
  retryQuarantine(query: Query): Promise<QuarantineRetriesResponse> {
    return this.#call(`quarantine/retry?${toText(Object.entries(query))}`, { method: 'POST' })
  }

  dropQuarantined(id: string): Promise<QuarantineDropResponse> {
    return this.#call(`quarantine/${id}`, { method: 'DELETE' })
  }

  #get<T>(path: string, query: readonly Parameter[]): Promise<T> {
    return this.#call(`${path}?${toText(query)}`, {})
  }

  async #call<T>(path: string, init: RequestInit, timeoutMs = TIMEOUT_MS): Promise<T> {
    const headers = { Authorization: `Bearer ${this.#token()}` }
    const signal = AbortSignal.timeout(timeoutMs)
    const onResponse = this.clock.measure()
    const response = await fetch(`v1/${path}`, { ...init, headers, signal }).catch(() => undefined)
    onResponse(response?.headers.get('Date') ?? null)
    const body = (await response?.json().catch(() => undefined)) as Partial<ErrorResponse> | undefined
    if (response?.ok && body) return body as T
    throw new ApiError(body?.code ?? 'NO_ANSWER', body?.message ?? '')
  }
}

type Query = Readonly<Record<string, string | number>>
type Parameter = readonly [name: string, value: string | number]

const toText = (query: readonly Parameter[]): string =>
  new URLSearchParams(query.map(([name, value]): [string, string] => [name, String(value)])).toString()

function queryOf(room: Room): Parameter[] {
  if (isFeed(room)) return [['feed', 'true']]
  const { group, topic, c2c, official } = room
  if (c2c !== undefined) return c2c.map((user) => ['c2c', user])
  if (official !== undefined) return [['official', official]]
  return topic === undefined
    ? [['group', group]]
    : [
        ['group', group],
        ['topic', topic],
      ]
}
