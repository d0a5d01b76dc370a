import { ERRORS } from '../../../shared/errors.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Conversation, RecalledAt } from '../../../shared/recall.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'

/** What the gateway refused, or that it did not answer. */
export class ApiError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }

  /** Whether asking again, later, can help. */
  get isPassing(): boolean {
    const known: Readonly<Partial<Record<string, { readonly retry: boolean }>>> = ERRORS
    return known[this.code]?.retry ?? true
  }
}

export const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError('NO_ANSWER', String(error))

export interface NoticePage {
  readonly notices: readonly (Notice | MemberNotice)[]
  readonly position: Position
  readonly more: boolean
  /** Whether there are notices before the first one here; told of what was read backwards. */
  readonly older?: boolean
  readonly gap?: GapReason
}

export interface ProcessState {
  readonly id: string
  readonly role: 'all' | 'receiver' | 'node'
  readonly startedAtMs: number
  readonly reportedAtMs: number
  readonly ready: boolean
  readonly sockets: number
  readonly rooms: number
  readonly probeAgeMs: number
  readonly spool?: { readonly recalls: number; readonly ageMs: number }
  readonly counts: { readonly kept: number; readonly delivered: number }
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
}

export interface Status {
  readonly testRecalls: boolean
  readonly nodes: readonly ProcessState[]
}

interface Made {
  /** Where it stands; nowhere when it was a repeat, or waits on disk. */
  readonly positions: readonly { readonly room: Room; readonly position: Position }[]
}

/** The HTTP API of the gateway that served the page, with the token as it is at each call. */
export class Api {
  readonly #token: () => string

  constructor(token: () => string) {
    this.#token = token
  }

  notices(room: Room, query: Readonly<Record<string, string | number>>): Promise<NoticePage> {
    return this.#get('notices', { ...queryOf(room), ...query })
  }

  position(room: Room): Promise<{ readonly position: Position; readonly sockets?: number }> {
    return this.#get('position', queryOf(room))
  }

  recalled(room: Conversation, seqs: string): Promise<{ readonly recalled: readonly RecalledAt[] }> {
    return this.#get('recalled', { ...queryOf(room), seqs })
  }

  status(): Promise<Status> {
    return this.#get('status', {})
  }

  testRecall(recall: Conversation & { readonly seqs: readonly number[] }): Promise<Made> {
    return this.#call('test-recall', { method: 'POST', body: JSON.stringify(recall) })
  }

  #get<T>(path: string, query: Readonly<Record<string, string | number>>): Promise<T> {
    const parameters = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)])
    return this.#call(`${path}?${new URLSearchParams(parameters).toString()}`, {})
  }

  async #call<T>(path: string, init: RequestInit): Promise<T> {
    const headers = { Authorization: `Bearer ${this.#token()}` }
    const response = await fetch(`/v1/${path}`, { ...init, headers }).catch(() => undefined)
    const answer = (await response?.json().catch(() => undefined)) as
      { readonly code?: string; readonly message?: string } | undefined
    if (response?.ok && answer) return answer as T
    throw new ApiError(answer?.code ?? 'NO_ANSWER', answer?.message ?? '')
  }
}

const queryOf = (room: Room): Record<string, string> => {
  if (isFeed(room)) return { feed: 'true' }
  return room.topic === undefined ? { group: room.group } : { group: room.group, topic: room.topic }
}
