import Joi from 'joi'
import { identifier } from '../lib/schema.ts'
import {
  adminValue,
  claimPath,
  evidenceKey,
  jwksUrl,
  keysOfAllTenants,
  list,
  loginUrl,
  requestUrl,
  requiredWithout,
  SECRET,
  sharedKeys,
} from './setting-types.ts'
import type { Config } from './settings.ts'

/** Who may listen to what. */
export const accessSettings: Joi.PartialSchemaMap<Config> = {
  JWT_SECRET: list(Joi.string().min(32).max(1_024))
    .when('ROLE', { is: 'receiver', otherwise: requiredWithout('JWKS_URL', 'USERSIG_SECRET_KEY') })
    .default([])
    .tag(SECRET)
    .description(
      'Key for HS256 tokens. Separate several with commas to rotate. A node needs this, `JWKS_URL` or `USERSIG_SECRET_KEY`',
    ),
  JWKS_URL: jwksUrl.description('JWKS with the public keys for tokens: an https or file URL'),
  JWT_ISSUER: list(Joi.string().max(256))
    .when('JWKS_URL', { is: keysOfAllTenants.required(), then: Joi.required() })
    .messages({
      'any.required':
        'is missing: the keys at JWKS_URL sign tokens of every tenant, whose admins give out roles',
    })
    .default([])
    .description(
      'Value that `iss` of a token must equal, or several separated by commas. Required where the keys at `JWKS_URL` are those of all tenants, as at Microsoft',
    ),
  JWT_AUDIENCE: list(Joi.string().max(256))
    .when('JWKS_URL', { is: sharedKeys.required(), then: Joi.required() })
    .messages({ 'any.required': 'is missing: the keys at JWKS_URL sign tokens for every application there' })
    .default([])
    .description(
      'Value that `aud` of a token must equal or contain, or several separated by commas. Required where the keys at `JWKS_URL` are those of all customers, as at Google and Microsoft',
    ),
  JWT_SUB_CLAIM: claimPath.description(
    'Claim that names the user, such as `preferred_username`. Default: `sub`',
  ),
  JWT_ROLE_CLAIM: claimPath.description(
    'Claim with the roles of the user, such as `realm_access.roles`: a text, a list, or a `scope`. Default: `role`',
  ),
  JWT_ADMIN_VALUES: list(adminValue)
    .default([])
    .description('Roles that make an admin, separated by commas. Default: `admin`'),
  JWT_ROOMS_CLAIM: claimPath.description(
    'Claim with the rooms of a member: a list of grants, or of texts such as `group:lobby`. Default: `rooms`',
  ),
  CONSOLE_LOGIN_URL: loginUrl.description(
    'Page of your app that signs people in for the console: a URL, or a path on the same host. It comes back to the address in the parameter `return`, or in place of `{return}`, with `#token=…`',
  ),
  USERSIG_SECRET_KEY: Joi.string()
    .min(32)
    .max(256)
    .tag(SECRET)
    .description(
      'Secret key of the app in the Chat console. Enables UserSigs as credentials, and calls to the REST API',
    ),
  ADMIN_USER_IDS: list(identifier)
    .default([])
    .description('Users who are admins when they present a UserSig, separated by commas'),
  EVIDENCE_KEY: list(evidenceKey)
    .default([])
    .tag(SECRET)
    .description(
      'Private Ed25519 key that signs evidence, in PEM or its 32 bytes in Base64. The first of several signs. Without it there is no evidence',
    ),
  AUTHORIZE_URL: requestUrl('https', 'http').description(
    'Endpoint of your backend that decides which user may enter which room',
  ),
  AUTHORIZE_SECRET: Joi.string()
    .min(32)
    .max(1_024)
    .when('AUTHORIZE_URL', { is: Joi.exist(), then: Joi.required() })
    .tag(SECRET)
    .description('Key that signs requests to `AUTHORIZE_URL`'),
  TENCENT_REST_HOST: Joi.string()
    .pattern(
      /^([a-z0-9.-]+|http:\/\/(127\.0\.0\.1|localhost):\d+)$/i,
      'a host name, such as console.tim.qq.com',
    )
    .when('AUTHORIZE_URL', { is: Joi.exist(), then: Joi.forbidden() })
    .messages({ 'any.unknown': 'has no effect beside AUTHORIZE_URL: set one of them' })
    .description(
      "Host of Tencent's REST API, which knows who is in which group (`console.tim.qq.com` in China). Requires `USERSIG_SECRET_KEY`; cannot be combined with `AUTHORIZE_URL`",
    ),
  TENCENT_ADMIN_ID: identifier
    .default('administrator')
    .description('Admin account of the app in the Chat console'),
  TENCENT_REST_PER_S: Joi.number()
    .integer()
    .min(1)
    .max(10_000)
    .default(100)
    .description('Maximum REST API calls per second from this process'),
  MEMBERSHIP_TTL_S: Joi.number()
    .integer()
    .min(1)
    .max(86_400)
    .default(300)
    .description('How long a confirmed membership is cached, in s'),
}
