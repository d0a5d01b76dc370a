import { GatewayError } from '../../../shared/errors.ts'
import type { GroupConversation, OfficialConversation } from '../../../shared/conversation.ts'

/** What users become members of. Conversations of two have no others. */
export type WithMembers = GroupConversation | OfficialConversation

/** Looks up whether a user may enter the room of a conversation. Rejects if there is no verdict, for whatever reason. */
export type MembershipSource = (userId: string, conversation: WithMembers) => Promise<Verdict>

export interface Verdict {
  readonly allowed: boolean
  /** How long the verdict holds, in s, if the source says. */
  readonly forS?: number
}

/** Beyond this, memberships of the group looked up longest ago are evicted. */
const MAX_CACHED_MEMBERSHIPS = 100_000
/** Looking for what has expired takes some ms when the cache is full. */
const DROP_INTERVAL_MS = 10_000
/** Short, so that a user who has just joined need not wait. */
const MAX_DENIAL_S = 30

interface MembershipCacheOptions {
  readonly source: MembershipSource
  /** How long a verdict holds if its source does not say, in s. */
  readonly ttlS: number
}

interface Membership {
  /** Undefined while the lookup is in flight. */
  verdict?: { readonly allowed: boolean; readonly untilMs: number }
  lookup: Promise<number | undefined>
}

/** Caches memberships for as long as they hold. Concurrent lookups of one membership share a request. */
export class MembershipCache {
  readonly #options: MembershipCacheOptions
  /** By group or official account, then by user and topic. */
  readonly #groups = new Map<string, Map<string, Membership>>()
  #size = 0
  #expiredDroppedAtMs = -Infinity

  constructor(options: MembershipCacheOptions) {
    this.#options = options
  }

  /**
   * Resolves to the time until which the user may be in the room of the conversation, in ms since 1970, or to undefined for
   * never. Rejects with MEMBERSHIP_UNKNOWN when the lookup fails, or when the membership is forgotten meanwhile; and with a
   * ROOM_REFUSED that can be retried for a denial in the cache, because the user may have joined since.
   */
  grantedUntil(userId: string, conversation: WithMembers): Promise<number | undefined> {
    const group = ownerOf(conversation)
    const key = keyOf(userId, conversation.topic ?? '')
    const cached = this.#groups.get(group)?.get(key)
    if (cached?.verdict === undefined) {
      if (cached !== undefined) return cached.lookup
    } else if (cached.verdict.untilMs > Date.now()) {
      return cached.verdict.allowed ? cached.lookup : Promise.reject(recentDenial(cached.verdict.untilMs))
    }
    if (cached !== undefined) this.#remove(group, key)
    const membership: Membership = { lookup: Promise.resolve(undefined) }
    this.#add(group, key, membership)
    membership.lookup = this.#lookUp(userId, conversation, membership)
    return membership.lookup
  }

  /** Forgets the memberships of one user in a group, topics included, or those of all users. */
  forget(group: string, userId?: string): void {
    for (const key of this.#groups.get(group)?.keys() ?? [])
      if (userId === undefined || key.startsWith(keyOf(userId, ''))) this.#remove(group, key)
  }

  async #lookUp(
    userId: string,
    conversation: WithMembers,
    membership: Membership,
  ): Promise<number | undefined> {
    const group = ownerOf(conversation)
    const key = keyOf(userId, conversation.topic ?? '')
    const isCached = (): boolean => this.#groups.get(group)?.get(key) === membership
    let verdict: Verdict
    try {
      verdict = await this.#options.source(userId, conversation)
    } catch (cause) {
      if (isCached()) this.#remove(group, key)
      if (cause instanceof GatewayError) throw cause
      throw new GatewayError('MEMBERSHIP_UNKNOWN', undefined, { cause })
    }
    // Forgotten during the lookup: the verdict may be older than the end of the membership.
    if (!isCached()) throw new GatewayError('MEMBERSHIP_UNKNOWN')
    const forS = verdict.forS ?? this.#options.ttlS
    const untilMs = Date.now() + (verdict.allowed ? forS : Math.min(forS, MAX_DENIAL_S)) * 1_000
    membership.verdict = { allowed: verdict.allowed, untilMs }
    return verdict.allowed ? untilMs : undefined
  }

  /** Adds a membership, makes its group the latest one, and evicts from the oldest groups. */
  #add(group: string, key: string, membership: Membership): void {
    const memberships = this.#groups.get(group) ?? new Map<string, Membership>()
    this.#groups.delete(group)
    this.#groups.set(group, memberships.set(key, membership))
    this.#size++
    if (this.#size > MAX_CACHED_MEMBERSHIPS) this.#dropExpired()
    for (const oldest of this.#groups.keys()) {
      if (this.#size <= MAX_CACHED_MEMBERSHIPS) break
      const [first] = this.#groups.get(oldest)?.keys() ?? []
      if (first !== undefined) this.#remove(oldest, first)
    }
  }

  /** Makes room without evicting what still holds. */
  #dropExpired(): void {
    const nowMs = Date.now()
    if (nowMs - this.#expiredDroppedAtMs < DROP_INTERVAL_MS) return
    this.#expiredDroppedAtMs = nowMs
    for (const [group, memberships] of this.#groups)
      for (const [key, { verdict }] of memberships)
        if (verdict !== undefined && verdict.untilMs <= nowMs) this.#remove(group, key)
  }

  #remove(group: string, key: string): void {
    const memberships = this.#groups.get(group)
    if (memberships?.delete(key) !== true) return
    this.#size--
    if (memberships.size === 0) this.#groups.delete(group)
  }
}

function recentDenial(untilMs: number): GatewayError {
  const retryInMs = untilMs - Date.now()
  const seconds = Math.ceil(retryInMs / 1_000)
  return new GatewayError('ROOM_REFUSED', `not a member a moment ago; looked up again in ${seconds} s`, {
    retryInMs,
  })
}

/** A group by its id; an official account by what no group is called: no identifier contains a line feed. */
const ownerOf = ({ group, official }: WithMembers): string => group ?? `official\n${official}`

/** Unambiguous, because no identifier contains a line feed. */
const keyOf = (userId: string, topic: string): string => `${userId}\n${topic}`
