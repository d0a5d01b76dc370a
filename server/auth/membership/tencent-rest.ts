import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import Joi from 'joi'
import { fetchBounded } from '../../http/fetch.ts'
import { signUserSig } from '../usersig.ts'
import type { MembershipSource } from './membership-cache.ts'

/** Source: document 1047/34963. */
const MAX_USERS_PER_CALL = 500
/** Lookups in one group within this time share a call. */
const BATCH_WINDOW_MS = 20
/** How long a call may wait for its turn under the rate limit. */
const MAX_QUEUE_MS = 5_000
/** How long calls stop after Tencent has refused one as too frequent. */
const BACKOFF_MS = 1_000
const MAX_RESPONSE_BYTES = 262_144
const USER_SIG_LIFETIME_S = 86_400
const USER_SIG_RENEWAL_MS = 3_600_000

/** Error codes for a group that does not exist or has no member list: nobody is a member. */
const NO_MEMBERS = new Set([10_007, 10_010, 10_015])
const TOO_FREQUENT = new Set([60_007, 60_011])

interface TencentRestOptions {
  /** Host of the REST API in the app's region; starts with `http://` for one on this machine. */
  readonly host: string
  readonly app: string
  /** The app's admin account in the Chat console. */
  readonly adminId: string
  /** The app's secret key from the Chat console. */
  readonly key: string
  /** Maximum calls per second. */
  readonly perSecond: number
}

interface RolesResponse {
  readonly ErrorCode: number
  readonly UserIdList?: readonly { readonly Member_Account: string; readonly Role: string }[]
}

const responseSchema = Joi.object<RolesResponse>({
  ErrorCode: Joi.number().integer().required(),
  UserIdList: Joi.array().items(
    Joi.object({ Member_Account: Joi.string().required(), Role: Joi.string().required() }).unknown(),
  ),
})
  .unknown()
  .required()

/** One call for several users of a group. Users can join until the call is made. */
interface Batch {
  readonly users: Set<string>
  readonly members: Promise<ReadonlySet<string>>
}

/**
 * Looks up memberships with `get_role_in_group` of Tencent's REST API, many users of a group in one call. Members of a group
 * may enter its topics.
 */
export function createTencentRest({
  host,
  app,
  adminId,
  key,
  perSecond,
}: TencentRestOptions): MembershipSource {
  const base = host.startsWith('http://') ? host : `https://${host}`
  /** The batch of each group that still accepts users. */
  const openBatches = new Map<string, Batch>()
  let nextCallAtMs = 0
  let userSig = { text: '', signedAtMs: -Infinity }

  function openBatch(group: string): Batch {
    const users = new Set<string>()
    const close = () => openBatches.get(group)?.users === users && openBatches.delete(group)
    const members = delay(BATCH_WINDOW_MS).then(async () => {
      await waitForTurn()
      close()
      return await getMembers(group, [...users])
    })
    members.catch(close)
    const batch = { users, members }
    openBatches.set(group, batch)
    return batch
  }

  async function waitForTurn(): Promise<void> {
    const nowMs = performance.now()
    const atMs = Math.max(nowMs, nextCallAtMs)
    if (atMs - nowMs > MAX_QUEUE_MS) throw new Error("too many calls are queued for Tencent's REST API")
    nextCallAtMs = atMs + 1_000 / perSecond
    await delay(atMs - nowMs)
  }

  async function getMembers(group: string, users: readonly string[]): Promise<ReadonlySet<string>> {
    const { status, text } = await fetchBounded(callUrl(), {
      method: 'POST',
      body: JSON.stringify({ GroupId: group, User_Account: users }),
      maxBytes: MAX_RESPONSE_BYTES,
    }).catch(() => {
      // Without the cause: it may quote the URL, which contains the UserSig.
      throw new Error("Tencent's REST API could not be reached")
    })
    if (status !== 200) throw new Error(`Tencent's REST API responded with status ${status}`)
    const { ErrorCode, UserIdList = [] } = Joi.attempt(JSON.parse(text), responseSchema)
    if (TOO_FREQUENT.has(ErrorCode)) nextCallAtMs = performance.now() + BACKOFF_MS
    if (NO_MEMBERS.has(ErrorCode)) return new Set()
    if (ErrorCode !== 0) throw new Error(`Tencent's REST API responded with ErrorCode ${ErrorCode}`)
    const isMember = ({ Role }: { readonly Role: string }): boolean => /^(Owner|Admin|Member)$/.test(Role)
    return new Set(UserIdList.filter(isMember).map(({ Member_Account }) => Member_Account))
  }

  function callUrl(): URL {
    const url = new URL('/v4/group_open_http_svc/get_role_in_group', base)
    const query = { sdkappid: app, identifier: adminId, usersig: currentUserSig(), contenttype: 'json' }
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    url.searchParams.set('random', String(randomInt(2 ** 32)))
    return url
  }

  function currentUserSig(): string {
    const nowMs = Date.now()
    if (nowMs - userSig.signedAtMs > USER_SIG_RENEWAL_MS) {
      const claims = { userId: adminId, app, key, nowS: Math.floor(nowMs / 1_000) }
      userSig = { text: signUserSig({ ...claims, lifetimeS: USER_SIG_LIFETIME_S }), signedAtMs: nowMs }
    }
    return userSig.text
  }

  return async (userId, { group }) => {
    let batch = openBatches.get(group)
    if (batch === undefined || batch.users.size >= MAX_USERS_PER_CALL) batch = openBatch(group)
    batch.users.add(userId)
    return { allowed: (await batch.members).has(userId) }
  }
}
