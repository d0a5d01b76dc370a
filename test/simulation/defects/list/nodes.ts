import type { Defect } from '../defect.ts'

/** Mistakes in how nodes follow logs, and bring sockets into rooms. */
export const NODE_DEFECTS: readonly Defect[] = [
  {
    name: 'the epoch is not compared',
    // The store, the node and the client each compare it.
    patches: [
      {
        file: 'server/realtime/sessions/replay.ts',
        find: `if (since.epoch !== room.position.epoch || missing < 0)`,
        replace: `if (missing < 0)`,
      },
      {
        file: 'server/broker/history.ts',
        find: `if (since.epoch !== head.epoch || since.offset < 0 || since.offset > head.offset)`,
        replace: `if (since.offset < 0 || since.offset > head.offset)`,
      },
      {
        file: 'server/broker/redis/scripts/history.lua',
        find: `if epoch ~= ARGV[6] or since > last then`,
        replace: `if since > last then`,
      },
      {
        file: 'shared/client/entering.ts',
        find: `else if (taken.epoch !== position.epoch) owe(listener, 'epoch-changed')`,
        replace: `else if (taken.epoch !== position.epoch) listener.beginAt({ ...taken, epoch: position.epoch })`,
      },
    ],
    rules: ['told', 'heals'],
    shownBy: 'rollbacks',
    seeds: 100,
  },
  {
    name: 'a socket joins a moment after its answer',
    patches: [
      {
        file: 'server/realtime/sessions/join.ts',
        find: `    transport.join(local.room)
    this.#deps.onTold?.(local.room, local.position.epoch, notices)
    this.#tellDelivery()
    subscriptions.complete(subscription, local)`,
        replace: `    this.#deps.onTold?.(local.room, local.position.epoch, notices)
    this.#tellDelivery()
    subscriptions.complete(subscription, local)
    setTimeout(() => transport.join(local.room), 50)`,
      },
    ],
    rules: ['told', 'in time', 'true state', 'heals'],
    shownBy: 'alone',
    seeds: 150,
  },
  {
    name: 'live notices overtake the replay',
    patches: [
      {
        file: 'server/realtime/sessions/join.ts',
        find: `    transport.replay(local.room, local.position.epoch, notices)
    transport.join(local.room)`,
        replace: `    const { epoch } = local.position
    setTimeout(() => transport.replay(local.room, epoch, notices), 20)
    transport.join(local.room)`,
      },
    ],
    rules: ['told', 'once', 'heals', 'order'],
    shownBy: 'crowd',
  },
  {
    name: 'the batch is not sent before somebody joins',
    patches: [
      {
        file: 'server/realtime/sessions/join.ts',
        find: `    local.flush()
`,
        replace: ``,
      },
    ],
    rules: ['once', 'told', 'order'],
    shownBy: 'crowd',
  },
  {
    name: 'a gap is not told to those in the room',
    patches: [
      {
        file: 'server/realtime/rooms/local-room.ts',
        find: `    this.#deps.hub.broadcastGap(this.room, reason, position)
`,
        replace: `    void reason
`,
      },
    ],
    rules: ['told', 'heals'],
    shownBy: 'cutNode',
  },
  {
    name: 'a read that failed is not repeated',
    patches: [
      {
        file: 'server/realtime/rooms/log-follower.ts',
        find: `          this.#hasMore = true
          this.#shared.lag.failed(this.#sink)`,
        replace: `          this.#shared.lag.failed(this.#sink)`,
      },
      {
        file: 'server/realtime/rooms/joint-checks.ts',
        find: `        else this.#waiting.push(room)`,
        replace: `        else room.onUnreadable()`,
      },
      {
        file: 'server/realtime/rooms/log-follower.ts',
        find: `      this.#needsVerification ||= isVerification
`,
        replace: ``,
      },
    ],
    rules: ['true state', 'told', 'in time', 'heals'],
    shownBy: 'unreadable',
  },
  {
    name: 'nobody looks where logs end',
    patches: [
      {
        file: 'server/realtime/rooms/log-follower.ts',
        find: `    if (isBehind || isAhead) this.#verifyAndRead()`,
        replace: `    void isBehind
    void isAhead`,
      },
      {
        file: 'server/realtime/rooms/log-follower.ts',
        find: `          this.#hasMore = true
          this.#shared.lag.failed(this.#sink)`,
        replace: `          this.#shared.lag.failed(this.#sink)`,
      },
      {
        file: 'server/realtime/rooms/joint-checks.ts',
        find: `        else this.#waiting.push(room)`,
        replace: ``,
      },
    ],
    rules: ['told', 'in time', 'heals'],
    shownBy: 'unreadable',
  },
  {
    name: 'the log is read before it is subscribed',
    patches: [
      {
        file: 'server/realtime/rooms/log-follower.ts',
        find: `    this.#subscription = await broker.subscribe(room, this)`,
        replace: `    const [head] = await broker.heads([room])
    this.#subscription = await broker.subscribe(room, this)`,
      },
      {
        file: 'server/realtime/rooms/log-follower.ts',
        find: `    const [head] = await broker.heads([room])
    if (this.#sink.isClosed)`,
        replace: `    this.#hasMore = false
    if (this.#sink.isClosed)`,
      },
    ],
    rules: ['in time', 'told', 'true state'],
    shownBy: 'alone',
  },
  {
    name: 'a trimmed log passes for a whole one',
    patches: [
      {
        file: 'server/broker/history.ts',
        find: `if (entry.offset !== since.offset + notices.length + 1) return { gap: 'trimmed', head }`,
        replace: `if (entry.offset > since.offset + notices.length + 2) return { gap: 'trimmed', head }`,
      },
    ],
    rules: ['told', 'heals', 'once', 'order'],
    shownBy: 'crowd',
  },
]
