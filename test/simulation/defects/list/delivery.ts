import type { Defect } from '../defect.ts'

/** Mistakes in what nodes say of delivery. */
export const DELIVERY_DEFECTS: readonly Defect[] = [
  {
    name: 'streams are not dismissed when a node stops',
    patches: [
      {
        file: 'server/realtime/realtime.ts',
        find: `[...sockets.dismissals(), ...streams.dismissals()]`,
        replace: `sockets.dismissals()`,
      },
    ],
    rules: ['goodbye'],
    shownBy: 'stopping',
    seeds: 60,
  },
  {
    name: 'delivery in doubt is not told',
    patches: [
      {
        file: 'server/realtime/delivery/delivery.ts',
        find: `    tell(event.prepared, sessions.all(), {`,
        replace: `    if (node.proved) tell(event.prepared, sessions.all(), {`,
      },
    ],
    rules: ['true state'],
    shownBy: 'longOutage',
    seeds: 100,
  },
  {
    name: 'delivery counts as proved before logs are read',
    patches: [
      {
        file: 'server/realtime/delivery/delivery.ts',
        find: `    const isBehind = behindSinceMs !== undefined && !isGrace`,
        replace: `    const isBehind = behindSinceMs !== undefined && isGrace`,
      },
      {
        file: 'server/realtime/delivery/delivery.ts',
        find: `rooms.lag.alone(ROOM_DOUBT_AFTER_MS)`,
        replace: `new Map<LocalRoom, number>()`,
      },
    ],
    rules: ['true state'],
    shownBy: 'unreadable',
  },
  {
    name: 'what waits on the disks of receivers is no reason to doubt',
    patches: [
      {
        file: 'server/realtime/delivery/receivers.ts',
        find: `    return [...waiting, ...vanished, ...unread, ...later, ...silent]`,
        replace: `    return [...unread, ...later]`,
      },
    ],
    rules: ['true state'],
    shownBy: 'longOutage',
    seeds: 100,
  },
]
