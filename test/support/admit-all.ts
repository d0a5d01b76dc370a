import type { Authorization } from '../../server/auth/authorization.ts'

/** Everybody may be everywhere, for as long as the credential lasts. */
export const ADMIT_ALL: Authorization = {
  authenticate: () => Promise.reject(new Error('nobody refreshes here')),
  authorize: async ({ expiresAtMs }) => expiresAtMs,
  isBanned: () => false,
  isRevoked: () => false,
}
