import Joi from 'joi'
import { normalizePath } from '../lib/path.ts'
import { fallbackOverrides, list, network, OWN_PATHS, relayUrl, requestUrl, SECRET } from './setting-types.ts'
import type { Config } from './settings.ts'

const webhookToken = Joi.when('WEBHOOK_AUTH', {
  is: 'off',
  then: Joi.forbidden(),
  otherwise: Joi.required(),
})

/** What comes in: webhooks, test recalls, and what goes on to the backend of the app. */
export const webhookSettings: Joi.PartialSchemaMap<Config> = {
  WEBHOOK_TOKEN: list(Joi.string().min(1).max(256))
    .when('ROLE', {
      not: 'node',
      then: webhookToken,
      // A node uses it for test recalls only.
      otherwise: Joi.when('TEST_RECALL_URL', { is: Joi.exist(), then: webhookToken }),
    })
    .messages({ 'any.unknown': 'has no effect while WEBHOOK_AUTH is off: unset one of them' })
    .default([])
    .tag(SECRET)
    .description(
      'Token of the webhook authentication in the Chat console. Separate several with commas to rotate',
    ),
  WEBHOOK_AUTH: Joi.valid('on', 'off')
    .default('on')
    .description(
      '`off` accepts webhooks from anyone who knows the path, and logs a warning at every start. `WEBHOOK_TOKEN` must be unset then',
    ),
  WEBHOOK_PATH: Joi.string()
    .custom((path: string) => normalizePath(path))
    .pattern(/^(\/|(\/[\w.~-]+)+)$/, 'a path of letters, digits and . _ ~ -, such as /webhook')
    .pattern(OWN_PATHS, { name: 'a path that the gateway serves itself', invert: true })
    .default('/webhook')
    .description('Path that Tencent calls; may contain a secret, or be `/`'),
  WEBHOOK_ALLOW: list(network)
    .default([])
    .description(
      'Addresses and networks that may send webhooks, such as `10.0.0.0/8`, separated by commas. Default: any',
    ),
  TEST_RECALLS: Joi.valid('on', 'off')
    .default('off')
    .description('`on` lets admins send test recalls to check delivery'),
  TEST_RECALL_URL: requestUrl('https', 'http')
    .pattern(/^[^?#]*$/, 'a URL without ? and #')
    .description(
      'Webhook URL of a receiver, to which test recalls are posted, signed with `WEBHOOK_TOKEN`. Default: this process if it receives webhooks itself; a `node` publishes them past the receivers, and says so',
    ),
  RELAY_URL: relayUrl
    .tag(SECRET)
    .description(
      "URL of the app's own backend, to which every webhook is relayed; may have a path. Default: no relay",
    ),
  RELAY_FALLBACK: Joi.valid('allow', 'deny')
    .when('RELAY_URL', {
      is: Joi.exist(),
      then: Joi.when('ROLE', { is: 'node', otherwise: Joi.required() }),
    })
    .description(
      'Response to Before-commands while the backend fails or is late: `allow` lets the action happen, `deny` refuses it. Required with `RELAY_URL`',
    ),
  RELAY_FALLBACK_OVERRIDES: fallbackOverrides
    .default({})
    .description(
      'Other responses for single commands, such as `Group.CallbackBeforeSendMsg=deny`, separated by commas',
    ),
  RELAY_RECALLS: Joi.valid('on', 'off')
    .default('on')
    .description('`off` keeps recalls from the backend, and relays only the other commands'),
  RELAY_RETRY_FOR_S: Joi.number()
    .integer()
    .min(1)
    .max(2_592_000)
    .default(86_400)
    .description(
      'How long a request that the backend has not accepted is tried again, in s. After that, it goes to the quarantine',
    ),
  RELAY_QUEUE_MAX_BYTES: Joi.number()
    .integer()
    .min(1_000)
    .max(2 ** 40)
    .default(2 ** 30)
    .description('Maximum size of the queue on disk of requests that wait for the backend, in bytes'),
  RELAY_TLS_CA: Joi.string().description(
    'PEM file with the certificates that may have signed that of the backend. Default: those that Node.js trusts',
  ),
  RELAY_TLS_CERT: Joi.string().description(
    'PEM file with the certificate that the gateway shows to the backend, for backends that ask for one',
  ),
  RELAY_TLS_KEY: Joi.string()
    .when('RELAY_TLS_CERT', { is: Joi.exist(), then: Joi.required() })
    .description('PEM file with the key of that certificate'),
}
