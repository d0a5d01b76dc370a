import { isNoNewer } from '../../../shared/client/credential.ts'
import type { SignInResponse } from '../../../shared/http-api/identity.ts'
import type { Api } from './api.ts'
import { withReturn } from './login-url.ts'
import { saveSignIn } from './storage.ts'

/** How the deployment signs people in, and tokens that other tabs of this browser have got there. */
export class SignIn {
  /** Undefined until the gateway has said it, or has failed to. */
  #known: SignInResponse | undefined
  readonly #channel: BroadcastChannel | undefined
  /** Resolves once it is known whether the app has a sign-in. */
  readonly settled: Promise<void>

  constructor(api: Pick<Api, 'signIn'>, onChange: () => void) {
    this.#channel = openChannel()
    this.settled = this.#ask(api, onChange)
  }

  async #ask(api: Pick<Api, 'signIn'>, onChange: () => void): Promise<void> {
    // A node that does not know the request, or none at all: a token can be pasted all the same.
    this.#known = await api.signIn().catch((): SignInResponse => ({ ok: true }))
    onChange()
  }

  get isKnown(): boolean {
    return this.#known !== undefined
  }

  get environment(): string | undefined {
    return this.#known?.environment
  }

  /** The address of the app's own sign-in, with the address to come back to; undefined if there is none. */
  get address(): string | undefined {
    const loginUrl = this.#known?.loginUrl
    return loginUrl === undefined ? undefined : withReturn(loginUrl, new URL('.', location.href).href)
  }

  /** This tab goes there now, or opens another one for it. */
  leave(where: 'here' | 'in another tab'): void {
    saveSignIn(where)
  }

  /** Offers a token to the other tabs of the page. Calls `onTaken` if one of them takes it. */
  offer(token: string, onTaken: () => void): void {
    const channel = this.#channel
    if (channel === undefined) return
    const listener = ({ data }: MessageEvent): void => {
      if (data !== TAKEN) return
      channel.removeEventListener('message', listener)
      onTaken()
    }
    channel.addEventListener('message', listener)
    channel.postMessage({ token })
  }

  /** Calls `consider` with each token that another tab has got, unless it says itself that it is older than the own one. */
  onOffer(own: () => string | undefined, consider: (token: string) => void): void {
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      const token = tokenIn(data)
      const inUse = own()
      if (token === undefined || inUse === undefined || isNoNewer({ token }, { token: inUse })) return
      consider(token)
    })
  }

  /** Tells the tab that has offered a token that this one goes on with it. */
  confirm(): void {
    this.#channel?.postMessage(TAKEN)
  }
}

const TAKEN = 'taken'

const tokenIn = (data: unknown): string | undefined =>
  typeof data === 'object' && data !== null && 'token' in data && typeof data.token === 'string'
    ? data.token
    : undefined

/** The pages of one gateway. Without it, in a browser that blocks it, each tab signs in by itself. */
function openChannel(): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(`recall-gateway${new URL('.', location.href).pathname}`)
  } catch {
    return undefined
  }
}
