import { GatewayError } from '../../shared/errors.ts'

/**
 * The outcome of `work`, or BROKER_UNAVAILABLE when it fails or takes longer than `ms`. Work that finishes too late is
 * not undone, which is why everything a broker does may be done again.
 */
export function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new GatewayError('BROKER_UNAVAILABLE', `no answer in ${ms} ms`)),
      ms,
    )
    work.then(
      (outcome) => {
        clearTimeout(timer)
        resolve(outcome)
      },
      (cause: unknown) => {
        clearTimeout(timer)
        reject(
          cause instanceof GatewayError
            ? cause
            : new GatewayError('BROKER_UNAVAILABLE', undefined, { cause }),
        )
      },
    )
  })
}
