import type { Conversation } from '../conversation.ts'
import type { ProcessState } from '../http-api.ts'

/** The process that responded. */
export interface RespondingProcess {
  readonly id: string
  /** The name of its host; of a container, its id unless it was given another. */
  readonly host: string
  /** Of the gateway, such as `0.1.0`. */
  readonly version: string
  readonly role: ProcessState['role']
}

/** Why a token makes no admin, where the settings name the claim that could. */
export interface RoleClaim {
  /** Of the claim, as JWT_ROLE_CLAIM writes it. */
  readonly name: string
  /**
   * The claim is `missing`, or the token only says where it is (`elsewhere`, as Microsoft Entra does for users with many groups); it has
   * `other-values`, or the right one in `other-case`; or it is an address that the provider has not verified.
   */
  readonly found: 'missing' | 'elsewhere' | 'other-values' | 'other-case' | 'unverified-email'
}

/** `GET /v1/whoami`. */
export interface WhoamiResponse {
  readonly ok: true
  readonly user: string
  readonly role: 'admin' | 'member'
  /** Missing for admins, and where the settings name neither claim nor values. */
  readonly roleClaim?: RoleClaim
  /** What the token grants; an admin may enter every room without a grant. */
  readonly grants: readonly Conversation[]
  /** When the token expires, in ms since 1970. */
  readonly expiresAtMs: number
  /** The time at the process, in ms since 1970. */
  readonly nowMs: number
  /** The `SdkAppid` of the app, in digits. */
  readonly app: string
  /** The label of the deployment, such as `production`. Missing unless the setting `ENVIRONMENT` gives one. */
  readonly environment?: string
  readonly process: RespondingProcess
  /** See `SignInResponse`. */
  readonly loginUrl?: string
}

/** `GET /v1/sign-in`, for everybody: how to get a token for the console. */
export interface SignInResponse {
  readonly ok: true
  /** See `WhoamiResponse`. */
  readonly environment?: string
  /**
   * Where the app signs its users in: a URL or a path. `{return}` in it, or a parameter `return` that is added, stands for the
   * address to which the app sends them back, with `#token=…`. Missing unless the setting `CONSOLE_LOGIN_URL` names it.
   */
  readonly loginUrl?: string
}
