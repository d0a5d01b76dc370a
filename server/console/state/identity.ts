import { claimsOf, expiryOf } from '../../../shared/client/credential.ts'
import type { WhoamiResponse } from '../../../shared/http-api/identity.ts'
import { ApiError } from './api.ts'
import type { Api } from './api.ts'

/** Who the gateway says the viewer is. What it may leave out, an earlier version does not tell. */
export type Identity = Pick<WhoamiResponse, 'user' | 'role' | 'grants'> &
  Partial<Pick<WhoamiResponse, 'roleClaim' | 'expiresAtMs' | 'app' | 'environment' | 'process'>>

/** Rejects with an ApiError. */
export async function readIdentity(api: Pick<Api, 'whoami'>, token: string): Promise<Identity> {
  try {
    return await api.whoami()
  } catch (error) {
    if (error instanceof ApiError && error.code === 'NOT_FOUND') return claimedIdentity(token)
    throw error
  }
}

/** By the claims of the token alone, which is how a node of an earlier version reads them. */
function claimedIdentity(token: string): Identity {
  const { sub, role } = claimsOf(token)
  const expiresAtMs = expiryOf({ token })
  return {
    user: typeof sub === 'string' ? sub : '',
    role: role === 'admin' ? 'admin' : 'member',
    grants: [],
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  }
}
