import type { Refusals } from '../redis/refusals.ts'
import type { Fault } from './fault.ts'

type Flag = Exclude<keyof Refusals, 'denied'>

const refusing = (name: string, flag: Flag): Fault => ({
  name,
  needsRedis: true,
  begin({ redis }) {
    if (redis === undefined) return undefined
    const { refusals } = redis.model
    refusals[flag] = true
    return () => void (refusals[flag] = false)
  },
})

/** Commands that a user of Redis may lack the right for; one at a time. */
const COMMANDS = [
  ['xadd'],
  ['hset'],
  ['xrange'],
  ['publish', 'spublish'],
  ['zadd'],
  ['pexpire'],
  ['evalsha', 'eval'],
  ['xrevrange'],
] as const

/** What Redis answers with an error for a while. */
export const REFUSAL_FAULTS: readonly Fault[] = [
  refusing('redis is full', 'isFull'),
  refusing('redis loads', 'isLoading'),
  refusing('redis is a replica', 'isReplica'),
  refusing('redis cannot save', 'cannotSave'),
  refusing('redis lacks replicas', 'lacksReplicas'),
  {
    name: 'redis denies a command',
    needsRedis: true,
    begin({ redis }, random) {
      if (redis === undefined) return undefined
      const { refusals } = redis.model
      refusals.denied = new Set(random.pick(COMMANDS))
      return () => void (refusals.denied = new Set())
    },
  },
]
