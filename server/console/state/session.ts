import { address } from './address.ts'
import { Api, ApiError, asApiError } from './api.ts'
import { takeArrival } from './arrival.ts'
import type { Arrival } from './arrival.ts'
import { askAgainInMs, Candidate } from './candidate.ts'
import { readIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { NO_TOKEN } from './shown-state.ts'
import type { ShownState } from './shown-state.ts'
import { SignIn } from './sign-in.ts'
import { forgetToken, loadToken, saveToken } from './storage.ts'
import { Store } from './store.ts'

/** Where a token has come from that may take the place of the one in use. */
type Source = 'link' | 'tab' | 'form'

/** A token of another user, by the gateway's word. */
interface Offered {
  readonly token: string
  readonly user: string
}

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
  /** A token that came with a link, and is offered to the other tabs once the gateway has accepted it. */
  #fromLink: string | undefined
  #considered: { readonly candidate: Candidate; readonly source: Source } | undefined
  #offered: Offered | undefined
  /** A token that a link has brought to a tab in which nobody works: it is kept only once it is settled whether to ask. */
  #unasked: string | undefined
  /** Whose it is, while the viewer is asked. */
  #asked: Identity | undefined
  /** Why another token was not taken in place of the one in use. */
  refusal: ApiError | undefined
  /** What the sign-in page reported instead of a token. */
  signInError: string | undefined
  /** Another tab goes on with the token with which this one has come. */
  isTakenElsewhere = false

  constructor(onChange: () => void) {
    this.#onChange = onChange
    this.signIn = new SignIn(this.#api, onChange)
    this.signIn.onOffer(
      () => (this.#store === undefined ? undefined : this.#token),
      (token) => this.#consider(token, 'tab'),
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
    if (this.#token === undefined || this.#asked !== undefined) return NO_TOKEN
    if (this.#failure === undefined) return { kind: 'connecting', tone: 'wait', problems: [] }
    const { code, message: reason } = this.#failure
    return this.#isRefused
      ? { kind: 'refused', tone: 'bad', code, reason, problems: [] }
      : { kind: 'offline', tone: 'wait', code, reason, problems: [] }
  }

  /** The token of another user that a link has brought, until the viewer decides. */
  get offered(): Offered | undefined {
    return this.#offered
  }

  /** As whom a link would sign the viewer in, until the viewer decides. */
  get asked(): string | undefined {
    return this.#asked?.user
  }

  /** The address has changed. Returns whether it held a token. */
  onAddress(): boolean {
    const arrival = takeArrival()
    if (arrival.isFromAddress) this.#arrive(arrival)
    return arrival.isFromAddress
  }

  #arrive({ token, isNew, signIn, error }: Arrival): void {
    if (token === undefined || (this.#store !== undefined && !isNew)) {
      this.signInError = error
      return this.#onChange()
    }
    const inUse = this.#asked === undefined ? (this.#token ?? loadToken()) : undefined
    // Anybody can write a link. Whoever works here goes on, until the gateway has said whose token it has brought.
    if (isNew && signIn !== 'here' && inUse !== undefined) {
      if (this.#token === undefined) this.#take(inUse)
      this.#consider(token, 'link')
      return this.#onChange()
    }
    if (isNew) this.#fromLink = token
    if (isNew && signIn === undefined) this.#unasked = token
    this.#take(token)
    this.signInError = error
  }

  #consider(token: string, source: Source): void {
    this.#considered?.candidate.stop()
    this.refusal = undefined
    this.#considered = { candidate: new Candidate(token, () => this.#judge()), source }
  }

  /** Decides about another token, once it is known whose both are. */
  #judge(): void {
    if (this.#considered === undefined) return
    const { candidate, source } = this.#considered
    const { token, identity, failure } = candidate
    if (identity === undefined && failure === undefined) return
    const isOwnKnown = this.#store !== undefined || this.#isRefused
    if (identity !== undefined && !isOwnKnown) return
    this.#considered = undefined
    if (identity === undefined) this.refusal = source === 'tab' ? undefined : failure
    else if (this.#store === undefined || source === 'form' || identity.user === this.#store.user) {
      if (source === 'link') {
        this.#fromLink = token
        if (this.#store === undefined) this.#unasked = token
      }
      this.#take(token)
      if (source === 'tab') this.signIn.confirm()
      else if (this.#store !== undefined) this.#offer(token)
    } else if (source === 'link') this.#offered = { token, user: identity.user }
    this.#onChange()
  }

  /** Whether the gateway has refused the token of this tab before there was a store. */
  get #isRefused(): boolean {
    return this.#failure !== undefined && askAgainInMs(this.#failure) === undefined
  }

  /** Offers a token to the other tabs that came with a link and that the gateway has accepted. */
  #offer(token: string): void {
    if (token !== this.#fromLink) return
    this.#fromLink = undefined
    this.signIn.offer(token, () => this.#takenElsewhere())
  }

  #takenElsewhere(): void {
    this.isTakenElsewhere = true
    this.#onChange()
  }

  /** Continues with a token that the viewer has entered: the one in use goes on until the gateway has accepted it. */
  logIn(token: string): void {
    if (this.#store === undefined || this.#store.watchedRooms.isRefused) this.#take(token)
    else this.#consider(token, 'form')
  }

  /** Continues with this token: nothing on the page is lost, except for another user. */
  #take(token: string): void {
    this.#token = token
    this.refusal = undefined
    this.#offered = undefined
    this.#asked = undefined
    this.signInError = undefined
    if (token !== this.#unasked) saveToken(token)
    if (this.#store === undefined) void this.#check(token)
    else this.#store.setToken(token)
    this.#onChange()
  }

  /** Decides about the token that a link has brought. */
  decide(takesIt: boolean): void {
    const offered = this.#offered
    this.#offered = undefined
    if (!takesIt || offered === undefined) return this.#onChange()
    this.#startAnew(offered.token)
  }

  /** Reloads the page with the token of another user, so that nothing the one before gave access to stays in memory. */
  #startAnew(token: string): void {
    forgetToken()
    saveToken(token)
    location.reload()
  }

  /** Signs the viewer in as the user of the link. */
  accept(): void {
    if (this.#token === undefined || this.#asked === undefined) return
    this.#enter(this.#token, this.#asked)
    this.#onChange()
  }

  dismiss(): void {
    this.isTakenElsewhere = false
    this.refusal = undefined
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
      const retryMs = askAgainInMs(identity)
      if (retryMs !== undefined) this.#retry = setTimeout(() => void this.#check(token), retryMs)
    } else if (await this.#mayEnter(token)) this.#enter(token, identity)
    else if (token === this.#token) this.#asked = identity
    this.#judge()
    this.#onChange()
  }

  /**
   * A link without more must not make somebody work under the name of whoever wrote it. Where the app has a sign-in, links with tokens
   * are no usual way in, and the viewer is asked.
   */
  async #mayEnter(token: string): Promise<boolean> {
    if (token !== this.#unasked) return true
    await this.signIn.settled
    return token === this.#token && this.signIn.address === undefined
  }

  #enter(token: string, identity: Identity): void {
    this.#unasked = undefined
    this.#asked = undefined
    saveToken(token)
    this.#store = new Store(
      token,
      identity,
      () => this.#onStoreChange(),
      () => this.#startAnew(this.#token ?? ''),
    )
    this.#offer(token)
    this.#onStoreChange()
  }
}
