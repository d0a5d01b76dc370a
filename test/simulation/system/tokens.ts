import { SignJWT } from 'jose'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { JWT_SECRET } from '../../support/gateway-process.ts'
import type { History } from '../history.ts'
import type { UserSpec } from '../spec.ts'
import { START_MS, world } from '../world/world.ts'
import { wait } from './wait.ts'

const MIN_RESTORED_LIFE_MS = 5_000

interface Claims {
  readonly sub: string
  readonly isAdmin?: boolean
  readonly rooms?: readonly Room[]
  readonly lifeMs: number
}

/** Signs a token as the app's backend does, whose clock is right. */
export const signToken = ({ sub, isAdmin = false, rooms, lifeMs }: Claims): Promise<string> =>
  new SignJWT({ ...(isAdmin && { role: 'admin' }), ...(rooms && { rooms }) })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime((START_MS + world.schedule.nowMs + lifeMs) / 1_000)
    .sign(new TextEncoder().encode(JWT_SECRET))

/** The token endpoint of the app, for one user: slow, failing, or wrong, as the plan says. */
export class TokenEndpoint {
  readonly #spec: UserSpec
  readonly #history: History
  #calls = 0
  /** From the end of the faults on, it works, and tokens live long enough for connections to stay. */
  isRestored = false

  constructor(spec: UserSpec, history: History) {
    this.#spec = spec
    this.#history = history
  }

  async give(life: number): Promise<string> {
    const { name, role, access, rooms, tokens } = this.#spec
    const { delayMs, failsEvery, endedEvery, rubbishEvery } = tokens
    const lifeMs = this.isRestored ? Math.max(tokens.lifeMs, MIN_RESTORED_LIFE_MS) : tokens.lifeMs
    this.#calls++
    const isNow = (every: number): boolean => !this.isRestored && every > 0 && this.#calls % every === 0
    if (delayMs > 0) await wait(delayMs)
    if (isNow(failsEvery)) throw new Error('the token endpoint answered 500')
    if (isNow(rubbishEvery)) return '<!doctype html><title>Sign in</title>'
    const isAdmin = role === 'admin'
    const granted = access === 'token' && !isAdmin ? { rooms: rooms.filter((room) => !isFeed(room)) } : {}
    const claims = { sub: name, isAdmin, lifeMs: isNow(endedEvery) ? -1_000 : lifeMs, ...granted }
    const endsAtMs = world.schedule.nowMs + claims.lifeMs
    this.#history.add({ kind: 'token', user: name, life, endsAtMs, isAdmin, ...granted })
    return signToken(claims)
  }
}
