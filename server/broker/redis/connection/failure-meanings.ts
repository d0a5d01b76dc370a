import type { RedisMode } from './address.ts'

/** What a code means, and the setting that decides about it. */
type Meaning = readonly [reason: string, setting: string]

export const PERMISSIONS = 'server/docs/redis.md#permissions'

/** What Redis says when it refuses, whatever the request was about. */
export const REFUSALS: Readonly<Record<string, Meaning>> = {
  NOPERM: ['the user lacks a permission', `REDIS_URL, ${PERMISSIONS}`],
  NOAUTH: ['a password is required', 'REDIS_URL'],
  WRONGPASS: ['the user or password is wrong, or the user is disabled', 'REDIS_URL'],
  DENIED: ['protected mode allows local connections only', 'protected-mode or requirepass of Redis'],
  READONLY: ['the server is a read-only replica', 'REDIS_URL, REDIS_MODE'],
  OOM: ['the memory is full', 'maxmemory of Redis'],
  MISCONF: ['writes stopped because saving to disk fails', 'disk of Redis, stop-writes-on-bgsave-error'],
  NOREPLICAS: ['too few replicas for a write', 'min-replicas-to-write of Redis'],
  NOGOODSLAVE: ['too few replicas for a write', 'min-replicas-to-write of Redis'],
  MASTERDOWN: ['the server is a replica without its master', 'REDIS_URL, REDIS_MODE'],
  LOADING: ['the data is being loaded from disk', 'wait until Redis has started'],
  BUSY: ['a script blocks the server', 'SCRIPT KILL on Redis'],
  CLUSTERDOWN: ['the cluster is down, or nobody owns the slot', 'CLUSTER INFO on Redis'],
  TRYAGAIN: ['the slot is being moved', 'wait until the cluster has moved it'],
  MOVED: ['another server of a cluster holds the keys', 'REDIS_MODE=cluster'],
  ASK: ['another server of a cluster holds the keys', 'REDIS_MODE=cluster'],
  NOFSYNC: [
    'it never syncs its append-only file, which REDIS_WAIT_AOF=1 waits for',
    'appendfsync always in Redis',
  ],
  PREMATURE: [
    'this version says that a recall is on disk before it is (Redis 7.4.0 to 7.4.2, Valkey 8)',
    'appendfsync always in Redis, or Redis 8',
  ],
  NOPROTO: ['the protocol is not supported', 'use Redis 7.0 or newer'],
}

/** Refusals that start with `ERR`. */
export const ERR_REFUSALS: readonly (readonly [pattern: RegExp, code: string, ...Meaning])[] = [
  // Proxies of managed servers.
  [/bad lua script/i, 'SCRIPT_REFUSED', 'the server refuses the script', 'a server that runs any script'],
  [
    /cluster support disabled/i,
    'NOT_CLUSTER',
    'the server is not part of a cluster',
    'REDIS_MODE, REDIS_URL',
  ],
  // About a command in a script: Redis 7.0, and Redis 8.
  [
    /user executing the script can't|ACL failure in script/i,
    'NOPERM',
    'the user lacks a permission',
    `REDIS_URL, ${PERMISSIONS}`,
  ],
  [
    /WAITAOF cannot be used/i,
    'AOF_OFF',
    'it has no append-only file, which REDIS_WAIT_AOF=1 waits for',
    'CONFIG SET appendonly yes on the running Redis, or unset REDIS_WAIT_AOF',
  ],
  [
    /unknown command .?WAITAOF/i,
    'UNKNOWN_COMMAND',
    'the server does not support WAITAOF, which REDIS_WAIT_AOF=1 needs',
    'use Redis 7.2 or newer, or Valkey, or unset REDIS_WAIT_AOF',
  ],
  [
    /unknown (sub)?command|unknown redis command|not (supported|allowed)/i,
    'UNKNOWN_COMMAND',
    'the server does not support a command that is needed',
    'use Redis 7.0 or newer without command restrictions',
  ],
  [
    /DB index is out of range|SELECT is not allowed|invalid DB index/i,
    'NO_DATABASE',
    'the database does not exist',
    'database in REDIS_URL',
  ],
  [
    /max number of clients/i,
    'MAX_CLIENTS',
    'the server has reached its maximum number of clients',
    'maxclients of Redis',
  ],
  [
    /without any password configured|no password is set/i,
    'NO_PASSWORD_SET',
    'a password was given, and none is set',
    'REDIS_URL',
  ],
  [
    /wrong number of arguments for 'auth'/i,
    'OLD_AUTH',
    'the server is too old for users',
    'use Redis 7.0 or newer',
  ],
]

const NOT_TRUSTED: Meaning = [
  'the certificate is signed by an authority that is not trusted here',
  'NODE_EXTRA_CA_CERTS',
]
const CLIENT_CERTIFICATE: Meaning = [
  'the server requires a certificate from its clients',
  'tls-auth-clients no in Redis',
]
const NO_TLS: Meaning = [
  'the server does not speak TLS at this port',
  'redis:// instead of rediss:// in REDIS_URL, or another port',
]
const NO_NAME: Meaning = ['the host name cannot be resolved', 'REDIS_URL']
const NO_ANSWER: Meaning = ['the server does not answer', 'REDIS_URL, firewall']

/** What the system and TLS say. */
export const NETWORK: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: ['nothing listens at this address', 'REDIS_URL'],
  ENOTFOUND: NO_NAME,
  EAI_AGAIN: NO_NAME,
  ETIMEDOUT: NO_ANSWER,
  EHOSTUNREACH: NO_ANSWER,
  ENETUNREACH: NO_ANSWER,
  ECONNRESET: ['the server closed the connection', 'REDIS_URL'],
  EPIPE: ['the server closed the connection', 'REDIS_URL'],
  CERT_HAS_EXPIRED: ['the certificate has expired', 'certificate of Redis, clock'],
  CERT_NOT_YET_VALID: ['the certificate is not valid yet', 'certificate of Redis, clock'],
  CERT_REVOKED: ['the certificate was revoked', 'certificate of Redis'],
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_TRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_TRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_TRUSTED,
  CERT_UNTRUSTED: NOT_TRUSTED,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  EPROTO: NO_TLS,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: CLIENT_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: CLIENT_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: [
    'the server supports no version of TLS that is allowed here',
    'tls-protocols of Redis',
  ],
}

/** What decides about the address of a server that is found through others. */
export const ANNOUNCED: Readonly<Record<RedisMode, string>> = {
  single: 'REDIS_URL',
  sentinel: 'the address that the sentinels announce: replica-announce-ip, announce-hostnames; firewall',
  cluster: 'the address that the nodes announce: cluster-announce-ip, cluster-announce-hostname; firewall',
}

/** How to make the servers announce names, where they announce addresses that no certificate contains. */
export const ANNOUNCE_NAMES: Readonly<Record<RedisMode, string>> = {
  single: 'REDIS_URL: use a name that the certificate contains',
  sentinel: 'REDIS_URL, and resolve-hostnames and announce-hostnames of the sentinels',
  cluster: 'REDIS_URL, and cluster-preferred-endpoint-type hostname of Redis',
}
