import { GatewayError } from '../../shared/errors.ts'

/**
 * Settles like `work`, but rejects with BROKER_UNAVAILABLE when it fails or takes longer than `ms`. Work that finishes too
 * late is not undone, which is why every operation of a broker can safely be repeated.
 */
export function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void =>
      reject(new GatewayError('BROKER_UNAVAILABLE', `no reply within ${Math.round(ms)} ms`))
    // After this process stood still, what has arrived meanwhile is read before it gives up.
    const timer = setTimeout(() => setImmediate(giveUp), ms)
    work.then(
      (result) => {
        clearTimeout(timer)
        resolve(result)
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
