import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import Joi from 'joi'
import { fetchBounded } from '../../http/fetch.ts'
import { signUserSig } from '../usersig.ts'
import type { MembershipSource } from './membership-cache.ts'

/** Source: document 1047/34963. */
const USERS_PER_CALL = 500
/** Questions about a group that come together go into one call. */
const GATHER_MS = 20
const MAX_WAIT_MS = 5_000
/** After the provider has said that calls are too frequent. */
const BACK_OFF_MS = 1_000
const MAX_ANSWER_BYTES = 262_144
const USER_SIG_LIFE_S = 86_400
const USER_SIG_USED_MS = 3_600_000

/** There is no such group, or it keeps no members: an answer, and a no. */
const NO_MEMBERS = new Set([10_007, 10_010, 10_015])
const TOO_FREQUENT = new Set([60_007, 60_011])

interface ProviderOptions {
  /** Host of the REST API of the app's region; with `http://` before it, one on this machine. */
  readonly host: string
  readonly app: string
  /** The app's admin account in the Chat console. */
  readonly adminId: string
  readonly key: string
  /** Most calls a second. */
  readonly perSecond: number
}

interface Answer {
  readonly ErrorCode: number
  readonly UserIdList?: readonly { readonly Member_Account: string; readonly Role: string }[]
}

interface Batch {
  readonly users: Set<string>
  readonly members: Promise<ReadonlySet<string>>
}

const answerSchema = Joi.object<Answer>({
  ErrorCode: Joi.number().integer().required(),
  UserIdList: Joi.array().items(
    Joi.object({ Member_Account: Joi.string().required(), Role: Joi.string().required() }).unknown(),
  ),
})
  .unknown()
  .required()

/** Asks the provider with `get_role_in_group`, many users of a group at a time. Members of a group are let into its topics. */
export function createProvider({ host, app, adminId, key, perSecond }: ProviderOptions): MembershipSource {
  const base = host.startsWith('http://') ? host : `https://${host}`
  const gathering = new Map<string, Batch>()
  let nextCallAtMs = 0
  let userSig = { text: '', madeAtMs: -Infinity }

  function gather(group: string): Batch {
    const users = new Set<string>()
    const members = delay(GATHER_MS).then(async () => {
      await waitForTurn()
      if (gathering.get(group)?.users === users) gathering.delete(group)
      return await call(group, [...users])
    })
    members.catch(() => gathering.get(group)?.users === users && gathering.delete(group))
    const batch = { users, members }
    gathering.set(group, batch)
    return batch
  }

  async function waitForTurn(): Promise<void> {
    const nowMs = performance.now()
    const atMs = Math.max(nowMs, nextCallAtMs)
    if (atMs - nowMs > MAX_WAIT_MS) throw new Error('too many questions wait for the provider')
    nextCallAtMs = atMs + 1_000 / perSecond
    await delay(atMs - nowMs)
  }

  async function call(group: string, users: readonly string[]): Promise<ReadonlySet<string>> {
    const { status, text } = await fetchBounded(urlOf(), {
      method: 'POST',
      body: JSON.stringify({ GroupId: group, User_Account: users }),
      atMostBytes: MAX_ANSWER_BYTES,
    }).catch(() => {
      // The inner error may quote the URL, which holds the UserSig.
      throw new Error('the provider could not be reached')
    })
    if (status !== 200) throw new Error(`the provider answered with status ${status}`)
    const { ErrorCode, UserIdList = [] } = Joi.attempt(JSON.parse(text), answerSchema)
    if (TOO_FREQUENT.has(ErrorCode)) nextCallAtMs = performance.now() + BACK_OFF_MS
    if (NO_MEMBERS.has(ErrorCode)) return new Set()
    if (ErrorCode !== 0) throw new Error(`the provider answered with ErrorCode ${ErrorCode}`)
    const isMember = ({ Role }: { readonly Role: string }): boolean => /^(Owner|Admin|Member)$/.test(Role)
    return new Set(UserIdList.filter(isMember).map(({ Member_Account }) => Member_Account))
  }

  function urlOf(): URL {
    const nowMs = Date.now()
    if (nowMs - userSig.madeAtMs > USER_SIG_USED_MS) {
      const made = { userId: adminId, app, key, nowS: Math.floor(nowMs / 1_000), lifetimeS: USER_SIG_LIFE_S }
      userSig = { text: signUserSig(made), madeAtMs: nowMs }
    }
    const url = new URL('/v4/group_open_http_svc/get_role_in_group', base)
    const query = { sdkappid: app, identifier: adminId, usersig: userSig.text, contenttype: 'json' }
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    url.searchParams.set('random', String(randomInt(2 ** 32)))
    return url
  }

  return async (userId, { group }) => {
    let batch = gathering.get(group)
    if (batch === undefined || batch.users.size >= USERS_PER_CALL) batch = gather(group)
    batch.users.add(userId)
    return { allowed: (await batch.members).has(userId) }
  }
}
