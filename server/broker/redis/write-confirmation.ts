import { GatewayError } from '../../../shared/errors.ts'
import { UnconfirmedError } from '../errors.ts'
import type { Connection } from './connection/connection.ts'
import { toArray, unexpectedReply } from './scripts.ts'

/** What must be true of a write, beside the reply of Redis, before it counts as successful. */
export interface Requirement {
  /** How many replicas must have it. */
  readonly replicas: number
  /** Whether the append-only file must be synced to disk with it: that of the server, and those of as many replicas. */
  readonly synced: boolean
}

/** Who has everything that a connection wrote so far; on disk, if that is required. */
interface Acknowledged {
  /** 1 if the server itself has it, otherwise 0. */
  readonly local: number
  readonly replicas: number
}

interface WriteConfirmationDependencies {
  /** Asks who has it. Resolves as soon as enough have it, otherwise after this time. */
  readonly wait: (timeoutMs: number) => Promise<Acknowledged>
  /** Rejects unless the server can be trusted to sync before it says so. */
  readonly ensureSyncs: () => Promise<void>
  /** Counts connections: a new connection cannot ask for what the previous one wrote. */
  readonly generation: () => number
  readonly now?: () => number
}

/** How long replicas may take to confirm. */
const REPLICA_TIMEOUT_MS = 500
/**
 * With `appendfsync everysec` a sync takes up to 1.1 s, and covers what was written until shortly before. The connection is blocked
 * while the server waits for it, so it is asked again and again: recalls that come meanwhile are written, and told to sockets, in
 * between, and are covered by the same sync.
 */
const SYNC_PIECE_MS = 50
/** Longer than replicas take to answer: each time it is asked anew, about everything written until then. */
const REPLICA_SYNC_PIECE_MS = 200

export const isRequired = ({ replicas, synced }: Requirement): boolean => replicas > 0 || synced

/** Returns `wait` for `createWriteConfirmation`. It blocks everything behind it on its connection. */
export function createWait(
  { replicas, synced }: Requirement,
  client: Pick<Connection['client'], 'wait' | 'call'>,
) {
  return async (timeoutMs: number): Promise<Acknowledged> => {
    if (!synced) return { local: 1, replicas: await client.wait(replicas, timeoutMs) }
    const [local, others] = toArray(await client.call('WAITAOF', 1, replicas, timeoutMs))
    if (typeof local !== 'number' || typeof others !== 'number') throw unexpectedReply()
    return { local, replicas: others }
  }
}

/**
 * Counts a write as successful only when the requirement is met. One question at a time serves all writes that returned before it
 * was sent, a group commit.
 */
export function createWriteConfirmation(
  requirement: Requirement,
  { wait, ensureSyncs, generation, now = () => performance.now() }: WriteConfirmationDependencies,
) {
  const { replicas, synced } = requirement
  // Not an async function: to adopt a promise, it takes three more turns of the queue of microtasks.
  if (!isRequired(requirement)) return <T>(write: () => Promise<T>): Promise<T> => write()
  const pieceMs = !synced ? REPLICA_TIMEOUT_MS : replicas > 0 ? REPLICA_SYNC_PIECE_MS : SYNC_PIECE_MS
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<Acknowledged> | undefined

  /** Returns the outcome of the first question sent from now on. */
  function nextWait(): Promise<Acknowledged> {
    if (next !== undefined) return next
    const sent = running.then(() => {
      next = undefined
      return wait(pieceMs)
    })
    next = sent
    running = sent.catch(() => undefined)
    return sent
  }

  function missing({ local, replicas: others }: Acknowledged): string | undefined {
    if (local < 1) return 'Redis has not synced its append-only file in time'
    if (others < replicas) return `${others} of ${replicas} replicas ${synced ? 'have synced' : 'confirmed'}`
    return undefined
  }

  /**
   * Returns the result of `write` once the requirement is met. Rejects with BROKER_UNAVAILABLE if that takes longer than
   * `timeoutMs`, and replicas that need not sync longer than half a second.
   */
  return async function confirmed<T>(write: () => Promise<T>, timeoutMs: number): Promise<T> {
    const deadlineMs = now() + timeoutMs
    const before = generation()
    const result = await write()
    if (synced) await ensureSyncs()
    for (;;) {
      const lack = missing(await nextWait())
      if (generation() !== before)
        throw new GatewayError('BROKER_UNAVAILABLE', 'connection lost before the recall was confirmed')
      if (lack === undefined) return result
      // Early enough that this reason is heard, and not only that the time is over.
      if (!synced || now() + pieceMs >= deadlineMs) throw new UnconfirmedError(lack)
    }
  }
}
