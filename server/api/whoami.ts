import type { RequestHandler } from 'express'
import type { RespondingProcess, SignInResponse, WhoamiResponse } from '../../shared/http-api/identity.ts'
import { principalOf } from './bearer-auth.ts'

/** What every response to `GET /v1/whoami` of this process says. */
export interface Deployment {
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** What its operators call it. */
  readonly environment: string | undefined
  /** Where the app signs its users in. */
  readonly loginUrl: string | undefined
  readonly process: RespondingProcess
}

/** `GET /v1/whoami`: tells users and admins who they are here, by their token, and where. Needs no broker. */
export function createWhoami({ app, process, ...named }: Deployment): RequestHandler {
  return (_request, response) => {
    const { id: user, role, roleClaim, grants, expiresAtMs } = principalOf(response)
    response.json({
      ok: true,
      user,
      role,
      ...(roleClaim && { roleClaim }),
      grants,
      expiresAtMs,
      nowMs: Date.now(),
      app,
      process,
      ...withoutUnset(named),
    } satisfies WhoamiResponse)
  }
}

/** `GET /v1/sign-in`: tells a page that has no token yet where to get one. For everybody, so it says nothing else. */
export function createSignIn({ environment, loginUrl }: Deployment): RequestHandler {
  const body = { ok: true, ...withoutUnset({ environment, loginUrl }) } satisfies SignInResponse
  return (_request, response) => void response.json(body)
}

const withoutUnset = ({ environment, loginUrl }: Pick<Deployment, 'environment' | 'loginUrl'>) => ({
  ...(environment !== undefined && { environment }),
  ...(loginUrl !== undefined && { loginUrl }),
})
