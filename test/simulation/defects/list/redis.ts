import type { Defect } from '../defect.ts'

/** Mistakes in what is done with Redis. */
export const REDIS_DEFECTS: readonly Defect[] = [
  {
    name: 'the script does not know repeats',
    patches: [
      {
        file: 'server/broker/redis/scripts/publish.lua',
        find: `      if not repeated then
        additions`,
        replace: `      if not repeated or true then
        additions`,
      },
    ],
    rules: ['once'],
    shownBy: 'again',
    seeds: 30,
  },
  {
    name: 'an older time replaces a newer one',
    patches: [
      {
        file: 'server/broker/redis/scripts/publish.lua',
        find: `before_at and (before_at >= at or`,
        replace: `before_at and (before_at == at or`,
      },
    ],
    rules: ['once', 'kept'],
    shownBy: 'again',
    seeds: 150,
  },
  {
    name: 'a log keeps one entry too few',
    patches: [
      {
        file: 'server/broker/redis/scripts/publish.lua',
        find: `'XADD', KEYS[3], 'MAXLEN', max_length, id`,
        replace: `'XADD', KEYS[3], 'MAXLEN', max_length - 1, id`,
      },
    ],
    rules: ['no needless gap'],
    shownBy: 'fullLog',
  },
  {
    name: 'the feed is not told',
    patches: [
      {
        file: 'server/broker/redis/scripts/publish.lua',
        find: `      redis.pcall('SPUBLISH', KEYS[4], string.format`,
        replace: `      if i + 2 < #positions then redis.pcall('SPUBLISH', KEYS[4], string.format`,
      },
      {
        file: 'server/broker/redis/scripts/publish.lua',
        find: `positions[i + 1], positions[i + 2]) .. entry)
`,
        replace: `positions[i + 1], positions[i + 2]) .. entry) end
`,
      },
    ],
    rules: ['in time', 'true state'],
    shownBy: 'outage',
    seeds: 30,
  },
  {
    name: 'channels are not subscribed again after a reconnect',
    patches: [
      {
        file: 'server/broker/redis/subscriber.ts',
        find: `          if (next.length > 0) await client.ssubscribe(...next.map(keys.channel))
`,
        replace: ``,
      },
    ],
    rules: ['in time', 'true state', 'told'],
    shownBy: 'outage',
  },
  {
    name: 'rooms do not look for what they missed after a reconnect',
    patches: [
      {
        file: 'server/broker/redis/subscriber.ts',
        find: `          for (const room of next) listeners.notifyInterrupted(room)
`,
        replace: ``,
      },
    ],
    rules: ['in time', 'told', 'heals'],
    shownBy: 'outage',
    seeds: 100,
  },
  {
    name: 'a log that went back keeps its epoch',
    // Publishers, nodes and what is published again each see it.
    patches: [
      {
        file: 'server/broker/redis/rollbacks.ts',
        find: `    return isSameEpoch ? position.offset <= before.offset : earlierEpochs.includes(position.epoch)`,
        replace: `    return false`,
      },
      {
        file: 'server/realtime/rooms/evidence.ts',
        find: `    return other !== undefined && !isSame(known, other)`,
        replace: `    return other === null`,
      },
      {
        file: 'server/realtime/rooms/log-reads.ts',
        find: `if (isLost || (head.epoch === epoch && head.offset < offset)) return 'lost'`,
        replace: `if (isLost) return 'lost'`,
      },
      {
        file: 'server/broker/spooling/epoch-renewal.ts',
        find: `    broker.newEpoch(room, epoch, agreesUntil)`,
        replace: `    Promise.resolve(void [broker, room, epoch, agreesUntil])`,
      },
    ],
    rules: ['told', 'once', 'heals', 'in time'],
    shownBy: 'rollbacks',
  },
  {
    name: 'what Redis lost is not published again',
    patches: [
      {
        file: 'server/broker/spooling/marking.ts',
        find: `    if (isUntold && copies.lost().length > 0) onLost(isSame)
`,
        replace: ``,
      },
    ],
    rules: ['kept'],
    shownBy: 'rollbacks',
    seeds: 100,
  },
  {
    name: 'a marker that went back is not noticed',
    patches: [
      {
        file: 'server/broker/spooling/marking.ts',
        find: `    if (!isStored) {`,
        replace: `    if (!isStored && before === undefined && expected !== NONE) {`,
      },
    ],
    rules: ['kept'],
    shownBy: 'rollbacks',
    seeds: 100,
  },
  {
    name: 'a publish that timed out counts as done',
    patches: [
      {
        file: 'server/broker/redis/publisher.ts',
        find: `      if (isConfirmed) onUnconfirmed()
      throw error`,
        replace: `      if (isConfirmed) onUnconfirmed()
      if (error instanceof Error) return []
      throw error`,
      },
    ],
    rules: ['kept'],
    shownBy: 'again',
    seeds: 150,
  },
  {
    name: 'a subscription that is silent is not replaced',
    patches: [
      {
        file: 'server/broker/redis/delivery-probe.ts',
        find: `      reconnectSubscriber()
    }
  }`,
        replace: `    }
  }`,
      },
    ],
    rules: ['in time', 'true state', 'told', 'heals'],
    shownBy: 'silent',
  },
]
