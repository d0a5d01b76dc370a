import { address } from './address.ts'
import { Api, ApiError, asApiError } from './api.ts'
import { takeArrival } from './arrival.ts'
import type { Arrival } from './arrival.ts'
import { readIdentity } from './identity.ts'
import { NO_TOKEN } from './shown-state.ts'
import type { ShownState } from './shown-state.ts'
import { isSameUser, SignIn } from './sign-in.ts'
import { forgetToken, loadToken, saveToken } from './storage.ts'
import { Store } from './store.ts'

/** Until the gateway is asked again, after it has not answered. */
const RETRY_MS = 2_000
/** Nobody at the viewer's address gets an answer for a minute. */
const BLOCKED = 'TOO_MANY_FAILURES'
const BLOCKED_RETRY_MS = 60_000

/**
 * Who uses the page: nobody, somebody whose token the gateway looks at, or a user, for whom there is a store. The page shows nothing
 * but the log-in until the gateway has said who the user is.
 */
export class Session {
  readonly signIn: SignIn
  readonly #onChange: () => void
  readonly #api = new Api(() => this.#token ?? '')
  #token: string | undefined
  #store: Store | undefined
  /** Why the gateway does not say who the user is. */
  #failure: ApiError | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  /** A token of another user, which came with a link. */
  #offered: string | undefined
  /** What the sign-in page reported instead of a token. */
  signInError: string | undefined
  /** Another tab goes on with the token with which this one has come. */
  isTakenElsewhere = false

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.signIn = new SignIn(this.#api, onChange)
    this.signIn.onOffer(
      () => (this.#store === undefined ? undefined : this.#token),
      (token) => this.logIn(token),
    )
  }

  /** Takes the token that the address brings, or the one saved for this tab. Returns whether the address held one. */
  start(): boolean {
    const arrival = takeArrival()
    this.#arrive(arrival)
    return arrival.isFromAddress
  }

  /** Defined once the gateway has accepted a token. */
  get store(): Store | undefined {
    return this.#store
  }

  /** What the page says about itself. */
  get shown(): ShownState {
    if (this.#store !== undefined) return this.#store.shown
    if (this.#token === undefined) return NO_TOKEN
    if (this.#failure === undefined) return { kind: 'connecting', tone: 'wait', problems: [] }
    const { code, message: reason, isTransient } = this.#failure
    return isTransient && code !== 'TOKEN_EXPIRED'
      ? { kind: 'offline', tone: 'wait', code, reason, problems: [] }
      : { kind: 'refused', tone: 'bad', code, reason, problems: [] }
  }

  /** The token of another user that a link has brought, until the viewer decides. */
  get offered(): string | undefined {
    return this.#offered
  }

  /** The address has changed. Returns whether it held a token. */
  onAddress(): boolean {
    const arrival = takeArrival()
    if (arrival.isFromAddress) this.#arrive(arrival)
    return arrival.isFromAddress
  }

  #arrive({ token, isNew, hadLeft, error }: Arrival): void {
    if (token === undefined || (this.#store !== undefined && !isNew)) {
      this.signInError = error
      return this.#onChange()
    }
    const inUse = this.#token ?? loadToken()
    // Anybody can write a link. Whoever works here as one user shall not go on as another without having noticed.
    if (isNew && !hadLeft && inUse !== undefined && !isSameUser(token, inUse)) {
      if (this.#token === undefined) this.logIn(inUse)
      this.#offered = token
      return this.#onChange()
    }
    this.logIn(token)
    this.signInError = error
    if (isNew) this.signIn.offer(token, () => this.#takenElsewhere())
  }

  #takenElsewhere(): void {
    this.isTakenElsewhere = true
    this.#onChange()
  }

  /** Continues with this token: nothing on the page is lost, except for another user. */
  logIn(token: string): void {
    this.#token = token
    this.#offered = undefined
    this.signInError = undefined
    saveToken(token)
    if (this.#store === undefined) void this.#check(token)
    else this.#store.setToken(token)
    this.#onChange()
  }

  /** Decides about the token that a link has brought. */
  decide(takesIt: boolean): void {
    const token = this.#offered
    this.#offered = undefined
    if (!takesIt || token === undefined) return this.#onChange()
    forgetToken()
    saveToken(token)
    // So that nothing the other token gave access to stays in memory.
    location.reload()
  }

  dismiss(): void {
    this.isTakenElsewhere = false
    this.#onChange()
  }

  /** Reloads the page, so that nothing the token gave access to stays in memory, nor in the address. */
  logOut(): void {
    forgetToken()
    history.replaceState(null, '', location.pathname + location.search)
    location.reload()
  }

  #onStoreChange(): void {
    address.defaultView = this.#store?.isAdmin ? 'feed' : 'rooms'
    this.#onChange()
  }

  async #check(token: string): Promise<void> {
    clearTimeout(this.#retry)
    this.#failure = undefined
    const identity = await readIdentity(this.#api, token).catch(asApiError)
    // A later token knows better.
    if (token !== this.#token || this.#store !== undefined) return
    if (identity instanceof ApiError) {
      this.#failure = identity
      if (identity.isTransient && identity.code !== 'TOKEN_EXPIRED') {
        const inMs = identity.code === BLOCKED ? BLOCKED_RETRY_MS : RETRY_MS
        this.#retry = setTimeout(() => void this.#check(token), inMs)
      }
    } else {
      this.#store = new Store(token, identity, () => this.#onStoreChange())
      this.#onStoreChange()
    }
    this.#onChange()
  }
}
