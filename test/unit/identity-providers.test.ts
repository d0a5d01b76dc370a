import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey } from 'jose'
import { pino } from 'pino'
import { createAuthenticate } from '../../server/auth/authentication.ts'
import type { Principal } from '../../server/auth/principal.ts'
import { createRoleDoubts } from '../../server/auth/role-claim.ts'
import { signToken } from '../../server/auth/jwt.ts'
import * as options from '../../server/config/options.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { GatewayError } from '../../shared/errors.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Claims = Readonly<Record<string, unknown>>
type Settings = Readonly<Record<string, string>>

const SECRET = 's'.repeat(32)
const REQUIRED = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 't' }
const nowS = () => Math.floor(Date.now() / 1_000)

/** Tokens as these providers issue them, with identifiers made up, and the settings under which they fit as they are. */
const PROVIDERS: Readonly<
  Record<
    string,
    {
      readonly settings: Settings
      /** Of the header, beside `kid`. */
      readonly header?: { readonly typ: string }
      readonly claims: Claims
      /** What makes the same token one of an admin. */
      readonly admin: Claims
      readonly id: string
      readonly grants?: Principal['grants']
    }
  >
> = {
  'Keycloak, roles of the realm, groups as rooms': {
    settings: {
      JWT_ISSUER: 'https://sso.example.com/realms/chat',
      JWT_AUDIENCE: 'recalls',
      JWT_SUB_CLAIM: 'preferred_username',
      JWT_ROLE_CLAIM: 'realm_access.roles',
      JWT_ADMIN_VALUES: 'recall-moderator',
      JWT_ROOMS_CLAIM: 'groups',
    },
    header: { typ: 'JWT' },
    claims: {
      iss: 'https://sso.example.com/realms/chat',
      aud: ['recalls', 'account'],
      sub: '71f150d0-41f6-11e7-a49f-4943fdcbc832',
      typ: 'Bearer',
      azp: 'console',
      sid: 's',
      acr: '1',
      'allowed-origins': ['*'],
      realm_access: { roles: ['offline_access', 'default-roles-chat', 'uma_authorization'] },
      resource_access: { account: { roles: ['manage-account'] } },
      scope: 'profile email',
      email_verified: false,
      preferred_username: 'alice',
      groups: ['group:lobby', 'staff', 'topic:hall/news', 'official:announcements', 'c2c:z/a'],
    },
    admin: { realm_access: { roles: ['offline_access', 'recall-moderator'] } },
    id: 'alice',
    grants: [
      { group: 'lobby' },
      { group: 'hall', topic: 'news' },
      { official: 'announcements' },
      { c2c: ['a', 'z'] },
    ],
  },
  'Keycloak, roles of a client with a dot in its name': {
    settings: { JWT_ROLE_CLAIM: 'resource_access.recalls\\.example\\.com.roles' },
    claims: {
      sub: 'u',
      resource_access: { 'recalls.example.com': { roles: ['reader'] }, recalls: { roles: ['admin'] } },
    },
    admin: { resource_access: { 'recalls.example.com': { roles: ['reader', 'admin'] } } },
    id: 'u',
  },
  'Auth0, a claim whose name is a URL': {
    settings: {
      JWT_ISSUER: 'https://app.eu.auth0.com/',
      JWT_AUDIENCE: 'https://api.example.com',
      JWT_ROLE_CLAIM: 'https://example.com/roles',
      JWT_ADMIN_VALUES: 'Moderator, Super Admin',
      JWT_ROOMS_CLAIM: 'https://example.com/rooms',
    },
    header: { typ: 'at+jwt' },
    claims: {
      iss: 'https://app.eu.auth0.com/',
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      aud: ['https://api.example.com', 'https://app.eu.auth0.com/userinfo'],
      azp: 'my_client_id',
      scope: 'openid profile read:recalls',
      permissions: ['read:recalls'],
      'https://example.com/roles': ['former Moderator'],
      'https://example.com/rooms': [{ group: 'lobby', topic: 'news' }],
    },
    admin: { 'https://example.com/roles': ['Super Admin'] },
    id: 'auth0|5f7c8ec7c33c6c004bbafe82',
    grants: [{ group: 'lobby', topic: 'news' }],
  },
  'Microsoft Entra ID, app roles of an access token': {
    settings: {
      JWT_ISSUER:
        'https://login.microsoftonline.com/72f988bf-0000/v2.0,https://sts.windows.net/72f988bf-0000/',
      JWT_AUDIENCE: 'api://recalls,6e74172b-0000',
      JWT_SUB_CLAIM: 'oid',
      JWT_ROLE_CLAIM: 'roles',
      JWT_ADMIN_VALUES: 'Recalls.Moderate',
    },
    claims: {
      aud: '6e74172b-0000',
      iss: 'https://login.microsoftonline.com/72f988bf-0000/v2.0',
      aio: 'E2RgYBg',
      azp: 'c44b4083-0000',
      azpacr: '0',
      name: 'Alice',
      oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      preferred_username: 'alice@example.com',
      rh: '0.A',
      roles: ['Recalls.Read'],
      scp: 'access_as_user',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      tid: '72f988bf-0000',
      uti: 'f',
      ver: '2.0',
    },
    admin: { roles: ['Recalls.Read', 'Recalls.Moderate'] },
    id: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
  },
  'Microsoft Entra ID, scopes in one text': {
    settings: { JWT_AUDIENCE: 'api://recalls', JWT_ROLE_CLAIM: 'scp', JWT_ADMIN_VALUES: 'Recalls.Moderate' },
    claims: { aud: 'api://recalls', sub: 'x', scp: 'Recalls.Moderate.Own access_as_user' },
    admin: { scp: 'access_as_user Recalls.Moderate' },
    id: 'x',
  },
  'Okta, groups and scopes in lists': {
    settings: {
      JWT_AUDIENCE: 'api://default',
      JWT_SUB_CLAIM: 'uid',
      JWT_ROLE_CLAIM: 'groups',
      JWT_ADMIN_VALUES: 'Moderators',
    },
    claims: {
      ver: 1,
      jti: 'AT.MNAoEQ_jbKqoinrQo1D0XKjMX28U5d7ZszBceot7-Ts',
      iss: 'https://dev-1.okta.com/oauth2/default',
      aud: 'api://default',
      sub: 'alice@example.com',
      cid: 'client',
      uid: '00u1a2b3c',
      scp: ['openid', 'Moderators'],
      auth_time: 1_688_145_909,
      groups: ['Everyone'],
    },
    admin: { groups: ['Everyone', 'Moderators'] },
    id: '00u1a2b3c',
  },
  'Google, people by their verified address': {
    settings: {
      JWT_ISSUER: 'https://accounts.google.com',
      JWT_AUDIENCE: '1-web.apps.googleusercontent.com,1-ios.apps.googleusercontent.com',
      JWT_ROLE_CLAIM: 'email',
      JWT_ADMIN_VALUES: 'alice@example.com',
    },
    claims: {
      iss: 'https://accounts.google.com',
      azp: '1-ios.apps.googleusercontent.com',
      aud: '1-web.apps.googleusercontent.com',
      sub: '110169484474386276334',
      hd: 'example.com',
      email: 'alice@example.com',
      email_verified: false,
      at_hash: 'h',
    },
    admin: { email_verified: true },
    id: '110169484474386276334',
  },
  'Amazon Cognito, access token without aud': {
    settings: {
      JWT_ISSUER: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_1',
      JWT_SUB_CLAIM: 'username',
      JWT_ROLE_CLAIM: 'cognito:groups',
      JWT_ADMIN_VALUES: 'moderators',
    },
    claims: {
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      'cognito:groups': ['testers'],
      iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_1',
      version: 2,
      client_id: 'xxxxxxxxxxxxexample',
      token_use: 'access',
      scope: 'openid email',
      username: 'my-test-user',
    },
    admin: { 'cognito:groups': ['testers', 'moderators'] },
    id: 'my-test-user',
  },
  'Casdoor, roles that are objects': {
    settings: {
      JWT_AUDIENCE: 'client',
      JWT_SUB_CLAIM: 'name',
      JWT_ROLE_CLAIM: 'roles.name',
      JWT_ADMIN_VALUES: 'moderator',
    },
    claims: {
      owner: 'built-in',
      name: 'alice',
      type: 'normal-user',
      isAdmin: false,
      score: 2_000,
      roles: [{ owner: 'built-in', name: 'reader', displayName: 'moderator', users: null }, null],
      permissions: [],
      tokenType: 'access-token',
      nonce: '',
      scope: 'profile',
      iss: 'https://door.casdoor.com',
      sub: '75be8c7d-0000',
      aud: ['client'],
    },
    admin: {
      roles: [
        { owner: 'built-in', name: 'reader' },
        { owner: 'built-in', name: 'moderator' },
      ],
    },
    id: 'alice',
  },
  'Authing, a flag of the user': {
    settings: {
      JWT_AUDIENCE: '5cda',
      JWT_ROLE_CLAIM: 'extended_fields.is_moderator',
      JWT_ADMIN_VALUES: 'true',
    },
    claims: {
      sub: '5f719946524ee1099229496b',
      aud: '5cda',
      iss: 'https://app.authing.cn/oidc',
      birthdate: null,
      external_id: null,
      phone_number_verified: false,
      extended_fields: { is_moderator: false },
    },
    admin: { extended_fields: { is_moderator: true } },
    id: '5f719946524ee1099229496b',
  },
  'Firebase, custom claims beside the others': {
    settings: { JWT_AUDIENCE: 'project', JWT_ROLE_CLAIM: 'moderator', JWT_ADMIN_VALUES: 'true' },
    claims: {
      iss: 'https://securetoken.google.com/project',
      aud: 'project',
      auth_time: 1,
      user_id: 'Zx1',
      sub: 'Zx1',
      moderator: null,
      firebase: { identities: {}, sign_in_provider: 'custom' },
    },
    admin: { moderator: true },
    id: 'Zx1',
  },
}

describe('tokens of identity providers', () => {
  const folder = temporaryFolder()
  let key: CryptoKey
  const jwksFile = join(folder.path, 'jwks.json')
  before(async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
    key = privateKey
    writeFileSync(
      jwksFile,
      JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', use: 'sig' }] }),
    )
  })
  after(folder.remove)

  /** Settings as an operator writes them, and what the gateway makes of a credential then. */
  const authenticateWith = (settings: Settings) => {
    const config = readConfig({ ...REQUIRED, JWKS_URL: pathToFileURL(jwksFile).href, ...settings })
    const authenticate = createAuthenticate({
      ...options.authentication(config),
      log: pino({ level: 'silent' }),
    })
    return (token: string) => authenticate({ token })
  }
  const sign = (claims: Claims, header = {}): Promise<string> =>
    new SignJWT({ iat: nowS(), nbf: nowS(), exp: nowS() + 300, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k', ...header })
      .sign(key)

  for (const [provider, { settings, header, claims, admin, id, grants = [] }] of Object.entries(PROVIDERS)) {
    it(`fit as they are: ${provider}`, async () => {
      const authenticate = authenticateWith(settings)
      const member = await authenticate(await sign(claims, header))
      expect(member).to.deep.include({ id, role: 'member', grants })
      expect(await authenticate(await sign({ ...claims, ...admin }, header))).to.include({
        id,
        role: 'admin',
      })
    })
  }

  it('say why they make no admin, and in the log what may be a mistake, once a minute', async () => {
    const lines: unknown[] = []
    const doubts = createRoleDoubts({ warn: (fields: unknown) => void lines.push(fields) } as never)
    const settings = { JWT_ROLE_CLAIM: 'groups', JWT_ADMIN_VALUES: 'Mods' }
    const authenticate = authenticateWith(settings)
    const why = async (claims: Claims): Promise<unknown> => {
      const { roleClaim } = await authenticate(await sign({ sub: 'u', ...claims }))
      if (roleClaim) doubts(roleClaim)
      return roleClaim?.found
    }
    expect(await why({})).to.equal('missing')
    expect(await why({ groups: ['users'] })).to.equal('other-values')
    expect(lines).to.deep.equal([])
    expect(await why({ groups: ['users', 'mods'] })).to.equal('other-case')
    expect(await why({ _claim_names: { groups: 'src1' } })).to.equal('elsewhere')
    expect(await why({ hasgroups: true })).to.equal('elsewhere')
    expect(lines).to.deep.equal([{ claim: 'groups', found: 'other-case', tokens: 1 }])
    expect(await why({ groups: ['Mods'] })).to.equal(undefined)

    const byEmail = authenticateWith({ JWT_ROLE_CLAIM: 'email', JWT_ADMIN_VALUES: 'a@example.com' })
    for (const said of [{ email_verified: false }, {}])
      expect(
        (await byEmail(await sign({ sub: 'u', email: 'a@example.com', ...said }))).roleClaim,
      ).to.deep.equal({ name: 'email', found: 'unverified-email' })
    // Without settings, most users are members.
    expect(await authenticateWith({})(await sign({ sub: 'u' }))).to.not.have.property('roleClaim')
  })

  it('make no admin by accident', async () => {
    const nothing = [
      undefined,
      null,
      '',
      0,
      1,
      true,
      [],
      {},
      [[]],
      [null],
      [{}],
      [['admin']],
      { admin: true },
    ]
    const similar = [
      'Admin',
      'admin ',
      ' admin',
      'admins',
      'former admin',
      'admin,user',
      'admin user',
      '管理员',
    ]
    const list = [['Admin'], ['user', 'former admin'], [{ name: 'admin' }], { 0: 'admin', length: 1 }]
    for (const settings of [
      { JWT_ROLE_CLAIM: 'role' },
      { JWT_ROLE_CLAIM: 'a.b' },
      { JWT_ROLE_CLAIM: '__proto__' },
      { JWT_ROLE_CLAIM: 'constructor.name' },
      { JWT_ADMIN_VALUES: 'admin' },
      {},
    ] as Settings[]) {
      const authenticate = authenticateWith(settings)
      for (const value of [...nothing, ...similar, ...list]) {
        const path = settings['JWT_ROLE_CLAIM'] ?? 'role'
        const claims = `{"sub":"u","exp":${nowS() + 300},"a":{"b":${JSON.stringify(value) ?? null}},"${path}":${JSON.stringify(value) ?? null}}`
        const principal = await authenticate(await sign(JSON.parse(claims) as Claims))
        expect(principal.role, `${JSON.stringify(settings)} ${JSON.stringify(value)}`).to.equal('member')
      }
    }
    const inherited = authenticateWith({ JWT_ROLE_CLAIM: 'constructor.name', JWT_ADMIN_VALUES: 'Object' })
    expect(await inherited(await sign({ sub: 'u' }))).to.include({ role: 'member' })
    const number = authenticateWith({ JWT_ROLE_CLAIM: 'level', JWT_ADMIN_VALUES: '1,2' })
    for (const level of [1, [1], 2.0])
      expect(await number(await sign({ sub: 'u', level }))).to.include({ role: 'member' })
    expect(await number(await sign({ sub: 'u', level: '2' }))).to.include({ role: 'admin' })
    // As before there were settings: a list is not what the gateway's own claim is.
    expect(await authenticateWith({})(await sign({ sub: 'u', role: ['admin'] }))).to.include({
      role: 'member',
    })
    expect(await authenticateWith({})(await sign({ sub: 'u', role: 'admin' }))).to.include({ role: 'admin' })
    // What the gateway's own claim says does not count beside another one.
    const other = authenticateWith({ JWT_ROLE_CLAIM: 'roles' })
    expect(await other(await sign({ sub: 'u', role: 'admin' }))).to.include({ role: 'member' })
  })

  const refusalOf = (settings: Settings, claims: Claims): Promise<string> =>
    sign(claims)
      .then(authenticateWith(settings))
      .then(
        () => expect.fail('it was accepted'),
        (error: unknown) => (error as GatewayError).message,
      )

  it('are refused with the claim that is wrong, by the name that it has there', async () => {
    expect(await refusalOf({ JWT_SUB_CLAIM: 'a.b' }, { sub: 'u', a: {} })).to.contain('a.b is missing')
    expect(await refusalOf({ JWT_SUB_CLAIM: 'https://e.com/id' }, { 'https://e.com/id': {} })).to.contain(
      'https://e.com/id must be printable text',
    )
    const email = { sub: 'u', email: 'a@example.com', email_verified: 'false' }
    expect(await refusalOf({ JWT_SUB_CLAIM: 'email' }, email)).to.contain('email is not verified')
    for (const grant of ['group:', 'topic:g', 'topic:g/t/x', 'c2c:a', 'official:', 'c2c:/a'])
      expect(await refusalOf({ JWT_ROOMS_CLAIM: 'groups' }, { sub: 'u', groups: ['x', grant] })).to.contain(
        `groups[1] is "${grant}"`,
      )
    const { email_verified: _unsaid, ...unsaid } = email
    expect((await authenticateWith({ JWT_SUB_CLAIM: 'email' })(await sign(unsaid))).id).to.equal(
      'a@example.com',
    )
    // The gateway's own claim has no strangers in it.
    expect(await refusalOf({}, { sub: 'u', rooms: ['lobby'] })).to.contain('rooms[0] must be')
    const deep = JSON.parse(`${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`) as Claims
    expect(await refusalOf({ JWT_SUB_CLAIM: 'a.a.a' }, deep)).to.contain('a.a.a must be')
  })

  it('make an admin of an address only if the provider says that it is verified', async () => {
    const authenticate = authenticateWith({ JWT_ROLE_CLAIM: 'email', JWT_ADMIN_VALUES: 'a@example.com' })
    const roleWith = async (claims: object) =>
      (await authenticate(await sign({ sub: 'u', email: 'a@example.com', ...claims }))).role
    for (const email_verified of [true, 'true']) expect(await roleWith({ email_verified })).to.equal('admin')
    // Entra says nothing, and lets the admin of any tenant set any address.
    for (const claims of [{}, { email_verified: null }, { email_verified: 'False' }, { email_verified: 0 }])
      expect(await roleWith(claims), JSON.stringify(claims)).to.equal('member')
  })

  it('grant what the gateway’s own claim says in texts, too', async () => {
    const rooms = ['group:lobby/hall', { group: 'other' }]
    const { grants } = await authenticateWith({})(await sign({ sub: 'u', rooms }))
    expect(grants).to.deep.equal([{ group: 'lobby/hall' }, { group: 'other' }])
    const scoped = authenticateWith({ JWT_ROOMS_CLAIM: 'scope' })
    const scope = 'openid group:lobby official:news'
    expect(await scoped(await sign({ sub: 'u', scope }))).to.deep.include({
      grants: [{ group: 'lobby' }, { official: 'news' }],
    })
  })

  it('can be signed by the command line as these settings expect them', async () => {
    for (const { settings } of Object.values(PROVIDERS)) {
      const config = readConfig({ ...REQUIRED, JWT_SECRET: SECRET, ...settings })
      const user = { id: 'alice@example.com', role: 'admin', rooms: [{ group: 'lobby' }], ttlS: 60 } as const
      const token = await signToken(user, { secret: SECRET, ...options.tokens(config) })
      expect(await authenticateWith({ JWT_SECRET: SECRET, ...settings })(token)).to.deep.include({
        id: user.id,
        role: 'admin',
        grants: user.rooms,
      })
    }
  })

  const problemOf = (settings: Settings): string => {
    try {
      readConfig({ ...REQUIRED, JWKS_URL: 'https://sso.example.com/certs', ...settings })
    } catch (error) {
      return (error as GatewayError).message
    }
    return ''
  }

  it('are not accepted with settings that cannot be meant', () => {
    const wrong = ['.', 'a..b', 'a.', `${'a.'.repeat(8)}a`, 'x'.repeat(257)]
    for (const name of ['JWT_ROLE_CLAIM', 'JWT_SUB_CLAIM', 'JWT_ROOMS_CLAIM'])
      for (const path of wrong)
        expect(problemOf({ [name]: path }), path).to.contain(`${name} must be the name`)
    for (const value of ['openid', 'Everyone', 'default-roles-chat', 'admin,offline_access'])
      expect(problemOf({ JWT_ADMIN_VALUES: value })).to.contain(
        'JWT_ADMIN_VALUES must not be what providers give',
      )
    expect(problemOf({ JWT_ADMIN_VALUES: 'admin,,x' })).to.contain('JWT_ADMIN_VALUES contains an empty entry')
    for (const url of [
      'https://www.googleapis.com/oauth2/v3/certs',
      'https://login.microsoftonline.com/common/discovery/v2.0/keys',
      'https://login.partner.microsoftonline.cn/t/discovery/v2.0/keys',
    ]) {
      expect(problemOf({ JWKS_URL: url })).to.contain('JWT_AUDIENCE is missing: the keys at JWKS_URL')
      expect(problemOf({ JWKS_URL: url, JWT_AUDIENCE: 'a', JWT_ISSUER: 'i' })).to.equal('')
      const withoutIssuer = problemOf({ JWKS_URL: url, JWT_AUDIENCE: 'a' })
      if (url.includes('google')) expect(withoutIssuer).to.equal('')
      else expect(withoutIssuer).to.contain('JWT_ISSUER is missing: the keys at JWKS_URL')
    }
    expect(problemOf({})).to.equal('')
  })
})
