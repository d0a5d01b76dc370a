import { reasonOf } from '../../shared/errors.ts'
import type { Broker } from './broker.ts'

/**
 * Makes a broker warn while the latest recall could not be stored: on a full or very slow disk every webhook is refused, while the
 * process is alive and everything else works. Not a reason to send no more recalls here, because only the next one can tell that
 * the disk has recovered.
 */
export function warnUnlessStored(broker: Broker): Broker {
  let failure: string | undefined
  return {
    ...broker,
    async publish(...call) {
      try {
        const published = await broker.publish(...call)
        failure = undefined
        return published
      } catch (error) {
        failure = reasonOf(error)
        throw error
      }
    },
    warnings: () => [
      ...(failure === undefined ? [] : [`the latest recall could not be stored: ${failure}`]),
      ...broker.warnings(),
    ],
  }
}
