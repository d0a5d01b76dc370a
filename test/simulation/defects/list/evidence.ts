import type { Defect } from '../defect.ts'

/** Mistakes in what proves recalls: the links of logs, and the notes of who was told first. */
export const EVIDENCE_DEFECTS: readonly Defect[] = [
  {
    name: 'what is published at once has one link before it',
    patches: [
      {
        file: 'server/broker/redis/scripts/publish.lua',
        find: `head.offset, head.link, head.changed = offset, link, true`,
        replace: `head.offset, head.link, head.changed = offset, head.link or link, true`,
      },
    ],
    rules: ['chain', 'evidence'],
    shownBy: 'proved',
  },
  {
    name: 'a link follows from one that was rolled back',
    patches: [
      {
        file: 'server/broker/embedded/log-store.ts',
        find: `onRolledBack: () => heads.forget() })`,
        replace: `})`,
      },
    ],
    rules: ['chain', 'evidence'],
    shownBy: 'provedEmbedded',
  },
  {
    name: 'who is told later counts as told first',
    patches: [
      {
        file: 'server/broker/redis/scripts/told.lua',
        find: `or tonumber(at) < tonumber(known_at)`,
        replace: `or tonumber(at) > tonumber(known_at)`,
      },
    ],
    rules: ['first told'],
    shownBy: 'proved',
  },
  {
    name: 'notes of who was told end before their log',
    patches: [
      {
        file: 'server/broker/redis/scripts/told.lua',
        find: `math.min(last - keep,`,
        replace: `math.min(last - 5,`,
      },
    ],
    rules: ['first told'],
    shownBy: 'proved',
  },
]
