import type { RequestHandler } from 'express'
import type { RespondingProcess, WhoamiResponse } from '../../shared/http-api/identity.ts'
import { principalOf } from './bearer-auth.ts'

/** What every response to `GET /v1/whoami` of this process says. */
export interface Deployment {
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** What its operators call it. */
  readonly environment: string | undefined
  readonly process: RespondingProcess
}

/** `GET /v1/whoami`: tells users and admins who they are here, by their token, and where. Needs no broker. */
export function createWhoami({ app, environment, process }: Deployment): RequestHandler {
  return (_request, response) => {
    const { id: user, role, grants, expiresAtMs } = principalOf(response)
    response.json({
      ok: true,
      user,
      role,
      grants,
      expiresAtMs,
      nowMs: Date.now(),
      app,
      ...(environment !== undefined && { environment }),
      process,
    } satisfies WhoamiResponse)
  }
}
