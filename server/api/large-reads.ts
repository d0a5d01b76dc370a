import type { Response } from 'express'
import type { Room } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import { createKeyedLimiter } from '../lib/keyed-limiter.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import { principalOf } from './bearer-auth.ts'
import { whileOpen } from './turns.ts'

/** Of one user, so that those of others are served in between. One read of the largest recalls is 7.5 MB. */
const MAX_CONCURRENT_READS_PER_USER = 1

/** Does what reads and returns a lot about a room in its turn. */
export type LargeReads = (response: Response, room: Room, work: () => Promise<void>) => Promise<void>

interface LargeReadsDependencies {
  readonly authorization: Pick<Authorization, 'authorize'>
  readonly turns: RequestTurns
}

/**
 * Lets what reads and returns a lot wait for its turn, and does nothing if nobody waits for the response any more. Rejects like `authorize`
 * if the grant of the room has ended meanwhile.
 */
export function createLargeReads({ authorization, turns }: LargeReadsDependencies): LargeReads {
  const limitPerUser = createKeyedLimiter(MAX_CONCURRENT_READS_PER_USER)

  return async (response, room, work) => {
    const principal = principalOf(response)
    const { id } = principal
    await limitPerUser(id, () =>
      whileOpen(turns, id, response, () =>
        turns.large(id, response, async () => {
          if (response.destroyed) return
          await authorization.authorize(principal, room)
          await work()
        }),
      ),
    )
  }
}
