import { GatewayError } from '../../shared/errors.ts'

/**
 * The outcome of `work`, or BROKER_UNAVAILABLE when it fails or takes longer than `ms`. Work that finishes too late is
 * not undone, which is why everything a broker does may be done again.
 */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new GatewayError('BROKER_UNAVAILABLE', `no answer in ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, tooLate])
  } catch (error) {
    throw error instanceof GatewayError
      ? error
      : new GatewayError('BROKER_UNAVAILABLE', undefined, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
