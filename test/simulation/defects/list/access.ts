import type { Defect } from '../defect.ts'

/** Mistakes in who may hear what, and for how long. */
export const ACCESS_DEFECTS: readonly Defect[] = [
  {
    name: 'a member is told who recalled',
    patches: [
      {
        file: 'server/realtime/rooms/prepared-event.ts',
        find: `    notices: role === 'admin' ? notices : notices.map(toMemberNotice),`,
        replace: `    notices: role === 'admin' ? notices : notices.length > 1 ? notices : notices.map(toMemberNotice),`,
      },
    ],
    rules: ['no operator'],
    shownBy: 'orders',
    seeds: 30,
  },
  {
    name: 'the end of a token is ignored',
    patches: [
      {
        file: 'server/realtime/sessions/session.ts',
        find: `      this.#transport.close(GOODBYES.CREDENTIAL_ENDED)`,
        replace: `      this.#timerAtMs = Infinity`,
      },
    ],
    rules: ['granted'],
    shownBy: 'orders',
    seeds: 100,
  },
  {
    name: 'a grant that runs out on the way is a final no',
    patches: [
      {
        file: 'server/realtime/sessions/join.ts',
        find: `      await renew()
    }
    return false`,
        replace: `      throw new GatewayError('ROOM_REFUSED')
    }
    return false`,
      },
    ],
    rules: ['not refused'],
    shownBy: 'entering',
  },
  {
    name: 'revocations are not read again after a failure',
    patches: [
      {
        file: 'server/broker/redis/announcement-follower.ts',
        find: `        isRequested = true
        await pause(fullJitterMs(failures++, RETRY_DELAY))`,
        replace: `        return`,
      },
    ],
    rules: ['granted', 'heals'],
    shownBy: 'power',
    seeds: 150,
  },
  {
    name: 'sockets are admitted before revocations are known',
    patches: [
      {
        file: 'server/realtime/sessions/registry.ts',
        find: `  revocations.isPending = true
`,
        replace: ``,
      },
    ],
    rules: ['granted'],
    shownBy: 'restart',
  },
  {
    name: 'revocations that are over still count',
    patches: [
      {
        file: 'server/auth/revocations.ts',
        find: `      if (revoked.orders.untilMs > nowMs && overlap(revoked.room, room)) return true`,
        replace: `      if (overlap(revoked.room, room)) return true`,
      },
    ],
    rules: ['not refused', 'heals', 'true state'],
    shownBy: 'orders',
    seeds: 30,
  },
  {
    name: 'a revocation is not applied to those in the room',
    patches: [
      {
        file: 'server/realtime/sessions/registry.ts',
        find: `    for (const session of sessions.of(userId)) session.applyRevocations()
`,
        replace: ``,
      },
    ],
    rules: ['granted'],
    shownBy: 'orders',
  },
  {
    name: 'members who leave their group go on listening',
    patches: [
      {
        file: 'server/receiver/webhook.ts',
        find: `    if (ended) announceEnd(ended)`,
        replace: `    if (ended && ended.userIds === undefined) announceEnd(ended)`,
      },
    ],
    rules: ['granted'],
    shownBy: 'members',
  },
  {
    name: 'a no is kept for as long as the process runs',
    patches: [
      {
        file: 'server/auth/membership/membership-cache.ts',
        find: `(verdict.allowed ? forS : Math.min(forS, MAX_DENIAL_S)) * 1_000`,
        replace: `(verdict.allowed ? forS : MAX_DENIAL_S * 1_000) * 1_000`,
      },
    ],
    rules: ['heals'],
    shownBy: 'members',
  },
  {
    name: 'a room that was left is still told',
    patches: [
      {
        file: 'server/realtime/sessions/session.ts',
        find: `        await this.#serving.turn()
        this.#subscriptions.leave(room)`,
        replace: `        await this.#serving.turn()
        this.#subscriptions.cancel(room)`,
      },
    ],
    rules: ['left'],
    shownBy: 'leaving',
    seeds: 40,
  },
]
