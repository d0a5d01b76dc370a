import { GatewayError } from '../../../shared/errors.ts'

interface ReplicaConfirmationDependencies {
  /** Returns how many replicas have everything this connection wrote so far; if fewer than required, only after a timeout. */
  readonly wait: () => Promise<number>
  /** Counts connections: a new connection cannot ask for what the previous one wrote. */
  readonly generation: () => number
}

/**
 * Counts a write as successful only when enough replicas have it. One WAIT at a time serves all writes that returned before
 * it was sent, a group commit, because WAIT blocks everything that follows on its connection.
 */
export function createReplicaConfirmation(
  replicas: number,
  { wait, generation }: ReplicaConfirmationDependencies,
) {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<number> | undefined

  /** Returns the outcome of the first WAIT sent from now on. */
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

  /** Returns the result of `write` once enough replicas have it. Rejects with BROKER_UNAVAILABLE if they do not. */
  return async function confirmed<T>(write: () => Promise<T>): Promise<T> {
    if (replicas === 0) return write()
    const before = generation()
    const result = await write()
    const confirmations = await nextWait()
    if (generation() !== before)
      throw new GatewayError('BROKER_UNAVAILABLE', 'connection lost before the replicas confirmed')
    if (confirmations < replicas)
      throw new GatewayError('BROKER_UNAVAILABLE', `${confirmations} of ${replicas} replicas confirmed`)
    return result
  }
}
