import Joi from 'joi'
import { list, NAME, redisUrl, SECRET } from './setting-types.ts'
import type { Config } from './settings.ts'

/** Where recalls are stored, and for how long. */
export const storageSettings: Joi.PartialSchemaMap<Config> = {
  REDIS_URL: Joi.string()
    .when('ROLE', { is: 'all', otherwise: Joi.required() })
    .when('REDIS_MODE', {
      switch: [
        { is: 'sentinel', then: redisUrl('sentinel').required() },
        { is: 'cluster', then: redisUrl('cluster').required() },
      ],
      otherwise: redisUrl('single'),
    })
    .tag(SECRET)
    .description('URL of Redis 7.0 or newer. Without it, the embedded broker serves this one process'),
  REDIS_MODE: Joi.valid('single', 'sentinel', 'cluster')
    .default('single')
    .description(
      'Kind of deployment behind `REDIS_URL`: `single` (the server itself), `sentinel` or `cluster` (addresses to ask, separated by commas; credentials, TLS and database of the first apply)',
    ),
  REDIS_SENTINEL_NAME: Joi.string()
    .pattern(/^[\w:.-]{1,64}$/, NAME)
    .default('mymaster')
    .description('Name of the master in Sentinel'),
  REDIS_SENTINEL_USERNAME: Joi.string().max(256).description('User at the sentinels, where they have users'),
  REDIS_SENTINEL_PASSWORD: Joi.string()
    .max(1_024)
    .tag(SECRET)
    .description('Password of the sentinels. Default: the password in `REDIS_URL`'),
  REDIS_WAIT_REPLICAS: Joi.number()
    .integer()
    .min(0)
    .max(5)
    .default(0)
    .description('Replicas that must confirm a recall before it counts as stored'),
  REDIS_WAIT_AOF: Joi.number()
    .valid(0, 1)
    .default(0)
    .description(
      '`1`: a recall counts as stored only once the append-only file of Redis is synced to disk, also those of the replicas that `REDIS_WAIT_REPLICAS` asks for. Needs Redis 7.2 or newer, or Valkey, with `appendonly yes`',
    ),
  REDIS_PREFIX: Joi.string()
    .pattern(/^[\w:.-]{1,64}$/, NAME)
    .default('recall-gateway')
    .description('Prefix of every key and channel in Redis'),
  REDIS_SIGNING_KEY: list(Joi.string().min(32).max(1_024))
    .default([])
    .tag(SECRET)
    .description(
      'Key that signs data in Redis; the same for all processes. Separate several with commas to rotate. Default: unsigned',
    ),
  SPOOL_MAX_BYTES: Joi.number()
    .integer()
    .min(1_000)
    .max(2 ** 40)
    .default(2 ** 30)
    .description(
      'Maximum size of the spool, which holds recalls on disk while Redis is unavailable, in bytes',
    ),
  QUARANTINE_MAX_BYTES: Joi.number()
    .integer()
    .min(2 ** 24)
    .max(2 ** 40)
    .default(2 ** 28)
    .description(
      'Maximum size of the quarantine, which holds on disk what could not be delivered, in bytes: half of it for recalls, a quarter for requests that the relay gave up, an eighth each for webhooks that were not understood and for what is rotten',
    ),
  QUARANTINE_TTL_DAYS: Joi.number()
    .integer()
    .min(1)
    .max(3_650)
    .default(30)
    .description('How long an entry stays in the quarantine, in days'),
  HISTORY_SIZE: Joi.number()
    .integer()
    .min(1)
    .max(100_000)
    .default(1_000)
    .description("Maximum length of a room's log, in notices"),
  HISTORY_TTL_S: Joi.number()
    .integer()
    .min(1)
    .max(2_592_000)
    .default(86_400)
    .description("How long a room's log is stored after its last notice, in s"),
  RECALLED_TTL_DAYS: Joi.number()
    .integer()
    .min(0)
    .max(3_650)
    .default(0)
    .description(
      'How long the recalled set of a conversation is stored after its last recall, in days; 0 = forever',
    ),
}
