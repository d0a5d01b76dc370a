import { GatewayError } from '../../../shared/errors.ts'

interface ReplicaConfirmationDependencies {
  /** Asks how many replicas have what this connection wrote so far; answers late, when fewer than enough do. */
  readonly wait: () => Promise<number>
  /** Counts the lives of the connection: what one wrote, the next one cannot ask for. */
  readonly life: () => number
}

/**
 * Lets writes count only when enough replicas have them. One WAIT at a time serves all writes that were answered before
 * it was sent, as a group commit does: it holds up what follows on its connection.
 */
export function createReplicaConfirmation(replicas: number, { wait, life }: ReplicaConfirmationDependencies) {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<number> | undefined

  /** The first WAIT that is sent from now on. */
  function nextWait(): Promise<number> {
    if (next !== undefined) return next
    const sent = running.then(() => {
      next = undefined
      return wait()
    })
    next = sent
    running = sent.catch(() => undefined)
    return sent
  }

  /** The outcome of `write`, once enough replicas have it. Rejects with BROKER_UNAVAILABLE when that is not so. */
  return async function confirmed<T>(write: () => Promise<T>): Promise<T> {
    if (replicas === 0) return write()
    const before = life()
    const outcome = await write()
    const having = await nextWait()
    if (life() !== before)
      throw new GatewayError('BROKER_UNAVAILABLE', 'the connection was lost before replicas could be asked')
    if (having < replicas)
      throw new GatewayError('BROKER_UNAVAILABLE', `${having} of ${replicas} replicas have it`)
    return outcome
  }
}
