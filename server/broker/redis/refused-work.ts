import { RefusedError } from '../errors.ts'
import type { createAbilityCheck } from './ability-check.ts'
import { isAboutKeys } from './connection/failure.ts'
import type { Ability } from './trials.ts'

type Work<Arguments extends unknown[], Result> = (...values: Arguments) => Promise<Result>

/** Returns a function that returns the same work, but what Redis refuses of it is noticed at once. */
export const createNoticed =
  (abilities: Pick<ReturnType<typeof createAbilityCheck>, 'onSuccess' | 'onFailure'>) =>
  <Arguments extends unknown[], Result>(
    name: Ability,
    work: Work<Arguments, Result>,
  ): Work<Arguments, Result> =>
  (...values) =>
    work(...values).then(
      (result) => {
        abilities.onSuccess(name)
        return result
      },
      (error: unknown) => {
        abilities.onFailure(name, error)
        throw error
      },
    )

/** Returns the same work, which rejects with `RefusedError` if it was refused for what it is about. */
export const particular =
  <Arguments extends unknown[], Result>(work: Work<Arguments, Result>): Work<Arguments, Result> =>
  (...values) =>
    work(...values).catch((error: unknown) => {
      throw isAboutKeys(error) ? new RefusedError(error) : error
    })
