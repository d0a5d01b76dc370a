import { GatewayError } from '../../../shared/errors.ts'
import type { Conversation } from '../../../shared/recall.ts'

/** Beyond these, what is known of the group asked about longest ago is forgotten. */
const MAX_CACHED_MEMBERSHIPS = 100_000
/** Someone who has just joined should not have to wait. */
const MAX_DENIAL_S = 30

interface Answer {
  /** Undefined while it is being asked for. */
  verdict?: { readonly allowed: boolean; readonly untilMs: number }
  asking: Promise<number | undefined>
}

interface MembershipsOptions {
  readonly ask: MembershipSource
  /** How long an answer holds that does not say so itself, in s. */
  readonly ttlS: number
}

/** What is known of memberships, for as long as that holds. */
export class MembershipCache {
  readonly #options: MembershipsOptions
  /** By group, then by user and topic. */
  readonly #groups = new Map<string, Map<string, Answer>>()
  #size = 0

  constructor(options: MembershipsOptions) {
    this.#options = options
  }

  /**
   * Until when the user may be in the room of the conversation, in ms since 1970; undefined for not at all. Rejects with
   * MEMBERSHIP_UNKNOWN when nobody could tell, or when it ended while it was asked for.
   */
  grantedUntil(userId: string, conversation: Conversation): Promise<number | undefined> {
    const { group, topic = '' } = conversation
    const name = nameOf(userId, topic)
    const known = this.#groups.get(group)?.get(name)
    if (known !== undefined && (known.verdict === undefined || known.verdict.untilMs > Date.now()))
      return known.asking
    if (known !== undefined) this.#remove(group, name)
    const answer: Answer = { asking: Promise.resolve(undefined) }
    this.#keep(group, name, answer)
    answer.asking = this.#ask(userId, conversation, answer)
    return answer.asking
  }

  /** Forgets what was answered: of one user of a group, or of all of them. */
  forget(group: string, userId?: string): void {
    for (const name of this.#groups.get(group)?.keys() ?? [])
      if (userId === undefined || name.startsWith(nameOf(userId, ''))) this.#remove(group, name)
  }

  async #ask(userId: string, conversation: Conversation, answer: Answer): Promise<number | undefined> {
    const { group, topic = '' } = conversation
    const name = nameOf(userId, topic)
    const isKept = (): boolean => this.#groups.get(group)?.get(name) === answer
    let said: Verdict
    try {
      said = await this.#options.ask(userId, conversation)
    } catch (cause) {
      if (isKept()) this.#remove(group, name)
      throw new GatewayError('MEMBERSHIP_UNKNOWN', undefined, { cause })
    }
    // What was forgotten meanwhile may have been true when it was asked for, and not be true any more.
    if (!isKept()) throw new GatewayError('MEMBERSHIP_UNKNOWN')
    const { ttlS } = this.#options
    const holdsS = said.allowed ? (said.forS ?? ttlS) : Math.min(said.forS ?? ttlS, MAX_DENIAL_S)
    const untilMs = Date.now() + holdsS * 1_000
    answer.verdict = { allowed: said.allowed, untilMs }
    return said.allowed ? untilMs : undefined
  }

  #keep(group: string, name: string, answer: Answer): void {
    const answers = this.#groups.get(group) ?? new Map<string, Answer>()
    this.#groups.delete(group)
    this.#groups.set(group, answers.set(name, answer))
    this.#size++
    for (const oldest of this.#groups.keys()) {
      if (this.#size <= MAX_CACHED_MEMBERSHIPS) break
      const [first] = this.#groups.get(oldest)?.keys() ?? []
      if (first !== undefined) this.#remove(oldest, first)
    }
  }

  #remove(group: string, name: string): void {
    const answers = this.#groups.get(group)
    if (answers?.delete(name) !== true) return
    this.#size--
    if (answers.size === 0) this.#groups.delete(group)
  }
}

/** No identifier holds a line feed. */
const nameOf = (userId: string, topic: string): string => `${userId}\n${topic}`

/** What someone who knows said of a membership. */
export interface Verdict {
  readonly allowed: boolean
  /** For how long that holds, in s, if it was said. */
  readonly forS?: number
}

/** Asks whether a user may be in the room of a conversation. Rejects when nobody could tell. */
export type MembershipSource = (userId: string, conversation: Conversation) => Promise<Verdict>
