import type { Conversation } from '../../../shared/conversation.ts'
import type { Api } from './api.ts'
import type { Identity } from './identity.ts'

/** As many as one looks through. */
const MAX_SUGGESTED = 12
const MAX_GROUPS = 200
/** Which groups are the busiest does not change from one look to the next. */
const FRESH_MS = 30_000

/** Rooms that a person may want to watch, so that nobody has to guess their names. */
export class KnownRooms {
  /** To be watched with a click: for members those of their token, for admins the busiest groups. */
  rooms: readonly Conversation[] = []
  /** Names, to complete what is typed. */
  groups: readonly string[] = []
  topics: readonly string[] = []
  /** Those of one-to-one conversations. */
  users: readonly string[] = []
  /** Official accounts. */
  accounts: readonly string[] = []
  readonly #api: Api
  readonly #onChange: () => void
  #readAtMs = -Infinity

  constructor(api: Api, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
  }

  /** Without an answer, nothing is suggested: the form works without. */
  async read({ role, grants }: Pick<Identity, 'role' | 'grants'>): Promise<void> {
    if (role === 'member') return this.#show(grants)
    const nowMs = performance.now()
    if (nowMs - this.#readAtMs < FRESH_MS) return
    this.#readAtMs = nowMs
    try {
      await this.#readTop()
    } catch {
      this.#readAtMs = -Infinity
    }
    this.#onChange()
  }

  async #readTop(): Promise<void> {
    const { groups, conversations } = await this.#api.top()
    const busiest = groups.map(({ group }) => ({ group }))
    this.rooms = busiest.slice(0, MAX_SUGGESTED)
    this.#suggest([...busiest, ...conversations])
  }

  #show(grants: readonly Conversation[]): void {
    this.rooms = grants.slice(0, MAX_GROUPS)
    this.#suggest(grants)
    this.#onChange()
  }

  #suggest(conversations: readonly Conversation[]): void {
    this.groups = namesOf(conversations.map(({ group }) => group))
    this.topics = namesOf(conversations.map(({ topic }) => topic))
    this.users = namesOf(conversations.flatMap(({ c2c = [] }) => c2c))
    this.accounts = namesOf(conversations.map(({ official }) => official))
  }
}

/** Each once, in the same order. */
const namesOf = (names: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(names.flatMap((name) => name ?? []))].slice(0, MAX_GROUPS)
