/** What a user needs to do at Redis: `command`, and a call that its rights are tried with. */
interface Need {
  /** As it is written in an ACL, without `+`. */
  readonly command: string
  /** The words of a harmless call. */
  readonly call: (key: string, channel: string) => readonly string[]
  /** Needed with this setting or deployment only. */
  readonly only?: 'REDIS_WAIT_AOF=1' | 'REDIS_MODE=cluster'
}

const plain = (command: string): Need => ({ command, call: () => command.toUpperCase().split('|') })
const onKey = (command: string, ...rest: readonly string[]): Need => ({
  command,
  call: (key) => [command.toUpperCase(), key, ...rest],
})

/**
 * Every command that the gateway sends to Redis, itself or in a script. `redis.md#permissions` lists the same, which a test checks, as
 * it checks that a trial fails without each of them.
 */
export const NEEDS: readonly Need[] = [
  { command: 'hello', call: () => ['HELLO', '3'] },
  { command: 'auth', call: () => ['AUTH', 'x'] },
  plain('ping'),
  plain('info'),
  { command: 'select', call: () => ['SELECT', '0'] },
  { command: 'client|setname', call: () => ['CLIENT', 'SETNAME', 'x'] },
  { command: 'wait', call: () => ['WAIT', '0', '1'] },
  { command: 'eval', call: (key) => ['EVAL', 'return 1', '1', key] },
  { command: 'evalsha', call: (key) => ['EVALSHA', '0', '1', key] },
  { command: 'spublish', call: (_key, channel) => ['SPUBLISH', channel, ''] },
  { command: 'ssubscribe', call: (_key, channel) => ['SSUBSCRIBE', channel] },
  { command: 'sunsubscribe', call: (_key, channel) => ['SUNSUBSCRIBE', channel] },
  plain('time'),
  onKey('xadd', '*', 'f', ''),
  onKey('xrange', '-', '+'),
  onKey('xrevrange', '+', '-'),
  onKey('hset', 'f', ''),
  onKey('hget', 'f'),
  onKey('hmget', 'f'),
  onKey('hgetall'),
  onKey('hlen'),
  onKey('hdel', 'f'),
  onKey('hsetnx', 'f', ''),
  onKey('zadd', '1', 'm'),
  onKey('zmscore', 'm'),
  onKey('zcount', '0', '1'),
  onKey('zremrangebyrank', '0', '1'),
  onKey('expire', '1'),
  onKey('pexpire', '1'),
  onKey('persist'),
  onKey('del'),
  { ...plain('waitaof'), call: () => ['WAITAOF', '0', '0', '1'], only: 'REDIS_WAIT_AOF=1' },
  { ...plain('cluster|slots'), only: 'REDIS_MODE=cluster' },
]
