import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import { createJwks } from '../../server/auth/jwks.ts'
import { createAppEndpoint } from '../../server/auth/membership/app-endpoint.ts'
import { createTencentRest } from '../../server/auth/membership/tencent-rest.ts'
import { createRefusals } from '../../server/telemetry/refusals.ts'

const LOGGER = new URL('../../server/telemetry/logger.js', import.meta.url).href

/** Errors as client libraries throw them: what was sent hangs on them, in fields of their own. */
const ERRORS = `
  const refused = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
    name: 'ReplyError', code: 'WRONGPASS', command: { name: 'auth', args: ['user', 'hunter2-secret'] },
  })
  const outer = Object.assign(new Error('outer', { cause: refused }), { options: { password: 'hunter2-secret' } })
  const several = new AggregateError([refused, new Error('second')], '')
`

describe('logged errors', () => {
  it('contain type, code, message and stack, and nothing else that hangs on them', () => {
    const script = `
      const { createLogger } = await import(${JSON.stringify(LOGGER)})
      const log = createLogger('info')
      ${ERRORS}
      for (const err of [refused, outer, several]) log.info({ err }, 'failed')`
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    expect(stderr).not.to.contain('hunter2')
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly err: Readonly<Record<string, unknown>> })
    const [first, second, third] = lines.map(({ err }) => err)
    expect(first).to.include({ type: 'ReplyError', code: 'WRONGPASS' }).and.have.property('stack')
    expect(second?.['message']).to.equal('outer: WRONGPASS invalid username-password pair')
    expect(third).to.have.property('reason', 'WRONGPASS invalid username-password pair')
  })
})

describe('the reason of a refusal in the log', () => {
  /** What Node reports when a name has several addresses, and none of them answers. */
  const fetchFailed = new TypeError('fetch failed', {
    cause: new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1234'), new Error('other')], ''),
  })

  it('is the innermost one, not that something failed', () => {
    const lines: object[] = []
    const log = { warn: (line: object) => lines.push(line), error: (line: object) => lines.push(line) }
    const refusals = createRefusals({ refused: () => undefined }, log as never)
    refusals.report('socket', new GatewayError('MEMBERSHIP_UNKNOWN', undefined, { cause: fetchFailed }))
    expect(lines[0]).to.have.property('reason', 'connect ECONNREFUSED 127.0.0.1:1234')
  })

  it('says why memberships cannot be looked up, and where', async () => {
    // `fetch` refuses port 1 by itself, so nothing is sent.
    const base = 'http://127.0.0.1:1'
    const key = 'k'.repeat(32)
    const app = createAppEndpoint({ url: base, secret: key, app: '1' })
    const tencent = createTencentRest({ host: base, app: '1', adminId: 'admin', key, perSecond: 10 })
    const reasons = await Promise.all(
      [app, tencent].map((source) => source('u', { group: 'g' }).catch((error: unknown) => reasonOf(error))),
    )
    expect(reasons).to.deep.equal([
      'AUTHORIZE_URL: bad port',
      "Tencent's REST API could not be reached: bad port",
    ])
  })

  it('says why public keys cannot be read', async () => {
    const lines: object[] = []
    const log = { info: () => undefined, warn: (line: object) => void lines.push(line) }
    const jwks = createJwks('http://127.0.0.1:1/jwks', log as never)
    await jwks.verify('a.b.c', { alg: 'RS256' }).catch(() => undefined)
    expect(lines[0]).to.have.property('reason').that.equals('bad port')
  })
})
