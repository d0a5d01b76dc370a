import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import Joi from 'joi'
import { GatewayError, reasonOf } from '../../../shared/errors.ts'
import { fetchBounded, ResponseTooLarge } from '../../http/fetch.ts'
import { signUserSig } from '../usersig.ts'
import { CallSchedule } from './call-schedule.ts'
import type { MembershipSource } from './membership-cache.ts'
import { Silence } from './silence.ts'

/** Source: document 1047/34963. */
const MAX_USERS_PER_CALL = 500
/** Lookups in one group within this time share a call. */
const BATCH_WINDOW_MS = 20
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
  readonly UserIdList?: readonly unknown[] | null
}

/** One odd entry of the list must not cost the others, so entries are read one by one. */
const responseSchema = Joi.object<RolesResponse>({
  ErrorCode: Joi.number().integer().required(),
  UserIdList: Joi.array().allow(null, ''),
})
  .unknown()
  .required()

interface RoleEntry {
  readonly Member_Account: string
  readonly Role: string
}

/** An account may consist of digits, and be sent as a number. */
const entrySchema = Joi.object<RoleEntry>({
  Member_Account: Joi.alternatives(Joi.string(), Joi.number().cast('string')).required(),
  Role: Joi.string().required(),
})
  .unknown()
  .required()

/** Whether each user is a member. Users about whom Tencent has said nothing are missing. */
type Verdicts = ReadonlyMap<string, boolean>

/** One call for several users of a group. Users can join until the call is made. */
interface Batch {
  readonly users: Set<string>
  readonly verdicts: Promise<Verdicts>
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
  const schedule = new CallSchedule(perSecond)
  const silence = new Silence()
  let userSig = { text: '', signedAtMs: -Infinity }

  function openBatch(group: string): Batch {
    const users = new Set<string>()
    const close = () => openBatches.get(group)?.users === users && openBatches.delete(group)
    const verdicts = delay(BATCH_WINDOW_MS).then(async () => {
      await schedule.turn()
      close()
      silence.check("Tencent's REST API")
      return await getRoles(group, [...users])
    })
    verdicts.catch(close)
    const batch = { users, verdicts }
    openBatches.set(group, batch)
    return batch
  }

  async function getRoles(group: string, users: readonly string[]): Promise<Verdicts> {
    const request = fetchBounded(callUrl(), {
      method: 'POST',
      body: JSON.stringify({ GroupId: group, User_Account: users }),
      maxBytes: MAX_RESPONSE_BYTES,
    })
    const { status, text } = await silence.watch(request).catch((cause: unknown) => {
      if (cause instanceof ResponseTooLarge) throw new Error(`Tencent's REST API: ${cause.message}`)
      // Without the cause itself, and never with the URL, which contains the UserSig.
      const reason = reasonOf(cause)
      throw new Error(
        `Tencent's REST API could not be reached${reason.includes('usersig') ? '' : `: ${reason}`}`,
      )
    })
    if (status === 429) schedule.pause.begin()
    if (status !== 200) throw new Error(`Tencent's REST API responded with status ${status}`)
    const { ErrorCode, UserIdList } = Joi.attempt(JSON.parse(text), responseSchema)
    if (TOO_FREQUENT.has(ErrorCode)) schedule.pause.begin()
    else schedule.pause.succeeded()
    if (NO_MEMBERS.has(ErrorCode)) return new Map(users.map((userId) => [userId, false]))
    if (ErrorCode !== 0) throw new Error(`Tencent's REST API responded with ErrorCode ${ErrorCode}`)
    return new Map((UserIdList || []).flatMap(readRole))
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
    if (group === undefined)
      throw new GatewayError(
        'ROOM_REFUSED',
        'Tencent does not say who follows an official account: grant it in the token, or decide at AUTHORIZE_URL',
      )
    let batch = openBatches.get(group)
    if (batch === undefined || batch.users.size >= MAX_USERS_PER_CALL) batch = openBatch(group)
    batch.users.add(userId)
    const allowed = (await batch.verdicts).get(userId)
    if (allowed === undefined) throw new Error("Tencent's REST API gave no role for the user")
    return { allowed }
  }
}

/** Returns nothing for an entry that cannot be understood. */
function readRole(entry: unknown): [userId: string, isMember: boolean][] {
  const { value, error } = entrySchema.validate(entry)
  return error === undefined ? [[value.Member_Account, /^(Owner|Admin|Member)$/.test(value.Role)]] : []
}
