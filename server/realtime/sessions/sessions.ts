import type { Session } from './session.ts'

/** The sessions of this node, by user. */
export class Sessions {
  readonly #byUser = new Map<string, Set<Session>>()

  add(userId: string, session: Session): void {
    const sessions = this.#byUser.get(userId) ?? new Set()
    this.#byUser.set(userId, sessions.add(session))
  }

  remove(userId: string, session: Session): void {
    const sessions = this.#byUser.get(userId)
    sessions?.delete(session)
    if (sessions?.size === 0) this.#byUser.delete(userId)
  }

  of(userId: string): Session[] {
    return [...(this.#byUser.get(userId) ?? [])]
  }

  all(): Session[] {
    return [...this.#byUser.values()].flatMap((sessions) => [...sessions])
  }
}
