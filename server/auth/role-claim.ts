import type { RoleClaim } from '../../shared/http-api/identity.ts'
import { isRecord } from '../../shared/json.ts'
import { claimAt, formatClaimPath } from '../lib/claim-path.ts'
import type { ClaimPath } from '../lib/claim-path.ts'
import type { Logger } from '../telemetry/logger.ts'
import { isUnverifiedEmail, textsOf, wantedRoles } from './claim-names.ts'
import type { ClaimNames } from './claim-names.ts'

/** What usually is a mistake. That a user is none of the admins is not. */
const DOUBTFUL: readonly RoleClaim['found'][] = ['other-case', 'unverified-email', 'elsewhere']
const LOG_INTERVAL_MS = 60_000

/** One for all principals: a node has up to 100,000 of them. */
const known = new Map<string, RoleClaim>()

/** Returns why a token makes no admin, which is to be known already; undefined unless settings name the claim or its values. */
export function whyNoAdmin(claims: object, { role, adminValues = [] }: ClaimNames): RoleClaim | undefined {
  if (role === undefined && adminValues.length === 0) return undefined
  const path = role ?? ['role']
  const name = formatClaimPath(path)
  const found = whatIsFound(claims, path, wantedRoles(adminValues))
  const key = `${found} ${name}`
  const told = known.get(key) ?? { name, found }
  known.set(key, told)
  return told
}

function whatIsFound(claims: object, path: ClaimPath, wanted: readonly string[]): RoleClaim['found'] {
  const claim = claimAt(claims, path)
  if (claim === undefined || claim === null) return isElsewhere(claims, path) ? 'elsewhere' : 'missing'
  const small = new Set(wanted.map((text) => text.toLowerCase()))
  const texts = textsOf(claim, path)
  if (isUnverifiedEmail(claims, path, { ifUnsaid: true }) && texts.some((text) => wanted.includes(text)))
    return 'unverified-email'
  return texts.some((text) => small.has(text.toLowerCase())) ? 'other-case' : 'other-values'
}

/** Microsoft Entra leaves out the groups of a user who has many, and says where one could ask for them. */
function isElsewhere(claims: object, [name = '']: ClaimPath): boolean {
  const elsewhere = claimAt(claims, ['_claim_names'])
  const isNamed = isRecord(elsewhere) && Object.hasOwn(elsewhere, name)
  const hasGroups = claimAt(claims, ['hasgroups'])
  return isNamed || (name === 'groups' && (hasGroups === true || hasGroups === 'true'))
}

/** Returns a function that notes why tokens make no admin, and says so in the log, once a minute, if that may be a mistake. */
export function createRoleDoubts(log: Pick<Logger, 'warn'>, now = () => performance.now()) {
  let loggedAtMs = -Infinity
  let tokens = 0
  return ({ name, found }: RoleClaim): void => {
    if (!DOUBTFUL.includes(found)) return
    tokens++
    if (now() - loggedAtMs < LOG_INTERVAL_MS) return
    log.warn({ claim: name, found, tokens }, 'tokens make no admin, perhaps by mistake')
    loggedAtMs = now()
    tokens = 0
  }
}
