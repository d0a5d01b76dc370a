import { createAdmission } from './auth/authorization.ts'
import type { Admission } from './auth/authorization.ts'
import { createAuthenticate } from './auth/authentication.ts'
import { createAuthorise } from './auth/authorization.ts'
import { createGuard } from './auth/authentication.ts'
import type { Guard } from './auth/authentication.ts'
import { createAppEndpoint } from './auth/membership/app-endpoint.ts'
import { Memberships } from './auth/membership/membership-cache.ts'
import { createProvider } from './auth/membership/tencent-rest.ts'
import { Revocations } from './auth/revocations.ts'
import { createClientAddress } from './http/client-address.ts'
import type { Config } from './config/config.ts'

export interface ConfiguredAdmission {
  readonly admission: Admission
  /** For every door: addresses that are refused at one are refused at all. */
  readonly guard: Guard
  /** What the admission looks at, to be filled with what is announced. */
  readonly revocations: Revocations
  /** Forgets what was answered of a membership: of one user, or of the whole group. */
  readonly forgetMembership: (group: string, userId?: string) => void
}

/** Who may be here, and in which rooms, as the settings say. */
export function configureAdmission(config: Config): ConfiguredAdmission {
  const memberships = createMemberships(config)
  const revocations = new Revocations()
  const authenticate = createAuthenticate({
    app: config.SDK_APP_ID,
    secrets: config.JWT_SECRET,
    jwksUrl: config.JWKS_URL,
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    userSigKey: config.USERSIG_SECRET_KEY,
    adminUserIds: config.ADMIN_USER_IDS,
  })
  const admission = createAdmission({
    authenticate,
    authorise: createAuthorise({ memberships }),
    revocations,
  })
  return {
    admission,
    guard: createGuard(admission.authenticate, createClientAddress(config.TRUST_PROXY)),
    revocations,
    forgetMembership: (group, userId) => memberships?.forget(group, userId),
  }
}

function createMemberships({
  SDK_APP_ID: app,
  MEMBERSHIP_TTL_S: ttlS,
  AUTHORIZE_URL: url,
  AUTHORIZE_SECRET: secret,
  TENCENT_REST_HOST: host,
  TENCENT_ADMIN_ID: adminId,
  TENCENT_REST_PER_S: perS,
  USERSIG_SECRET_KEY: key,
}: Config): Memberships | undefined {
  if (url !== undefined && secret !== undefined)
    return new Memberships({ ask: createAppEndpoint({ url, secret, app }), ttlS })
  if (host !== undefined && key !== undefined)
    return new Memberships({ ask: createProvider({ host, app, adminId, key, perS }), ttlS })
  return undefined
}
