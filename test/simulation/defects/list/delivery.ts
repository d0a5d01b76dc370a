import type { Defect } from '../defect.ts'

/** Mistakes in what nodes say of delivery. */
export const DELIVERY_DEFECTS: readonly Defect[] = [
  {
    name: 'delivery in doubt is not told',
    patches: [
      {
        file: 'server/realtime/delivery/delivery.ts',
        find: `    tell(event.prepared, sessions.all())`,
        replace: `    if (node.proved) tell(event.prepared, sessions.all())`,
      },
    ],
    rules: ['true state'],
    shownBy: 'longOutage',
    seeds: 100,
  },
  {
    name: 'delivery counts as proved too early',
    patches: [
      {
        file: 'server/realtime/delivery/rules.ts',
        find: `  return provedAtMs >= clearSinceMs ? PROVED : { ...before, clearSinceMs }`,
        replace: `  return provedAtMs >= clearSinceMs || before.clearSinceMs === undefined ? PROVED : { ...before, clearSinceMs }`,
      },
      // Receivers, too, say again what they have.
      {
        file: 'server/realtime/delivery/delivery.ts',
        find: `    if (isHearing && !wasHearing) receivers.interrupted(nowMs)
`,
        replace: ``,
      },
    ],
    rules: ['true state'],
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
  },
]
