import type { Authorization } from '../../server/auth/authorization.ts'

/** Grants every user every room until the credential expires. */
export const ALLOW_ALL: Authorization = {
  authenticate: () => Promise.reject(new Error('refresh is not supported here')),
  authenticateByKnownBans: () => Promise.reject(new Error('the status is not supported here')),
  authorize: async ({ expiresAtMs }) => expiresAtMs,
  isBanned: () => false,
  isRevoked: () => false,
}
