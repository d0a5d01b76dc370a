import { createLimiter } from './flow-control.ts'
import type { Limiter } from './flow-control.ts'

/** Runs a task when it is its turn among those with the same key, and settles as the task does. */
export type KeyedLimiter = <T>(key: string, task: () => Promise<T>) => Promise<T>

/**
 * Runs at most `max` tasks of each key concurrently; the rest queue in order. Put before what all share, it keeps one user from
 * taking all of it.
 */
export function createKeyedLimiter(max: number): KeyedLimiter {
  const limiters = new Map<string, { readonly limit: Limiter; tasks: number }>()

  return async (key, task) => {
    const limiter = limiters.get(key) ?? { limit: createLimiter(max), tasks: 0 }
    limiters.set(key, limiter)
    limiter.tasks++
    try {
      return await limiter.limit(task)
    } finally {
      if (--limiter.tasks === 0) limiters.delete(key)
    }
  }
}
