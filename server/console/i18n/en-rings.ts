import { number, plural, seconds } from './en-format.ts'

const recalls = (count: number): string => plural(count, 'recall', 'recalls')

/** Texts of what rings, in English. */
export const rings = {
  adminsOnly: 'Only admins can be rung: rules listen to the feed.',
  intro:
    'A rule rings while this console is open in a tab of this browser, in whichever view. Rules are stored in this browser.',
  unseen: (count: number) => `${plural(count, 'ring', 'rings')} not seen yet`,
  see: 'Show rings',
  dismiss: 'Dismiss',
  notifications: {
    allow: 'Allow notifications',
    granted: 'Desktop notifications are allowed.',
    denied: 'The browser blocks notifications of this page. Allow them in its settings for this site.',
    default: 'Desktop notifications need your permission.',
    unsupported: 'This browser shows notifications only of pages with TLS (https://).',
  },
  sound: {
    test: 'Try the sound',
    on: 'Sounds are on.',
    off: 'Browsers play sounds only after a click or a key on the page.',
  },
  ringFor: (name: string) => `Ring for ${name}`,
  rules: 'Rules',
  noRules: 'Nothing rings yet. Add a rule below.',
  add: 'Add a rule',
  edit: 'Edit',
  remove: 'Remove',
  save: 'Save rule',
  name: 'Name',
  filter: 'Which recalls (empty: all)',
  full: (count: number) => `At most ${number(count)} rules. Remove one first.`,
  when: 'Rings for',
  each: 'each recall',
  burst: 'a burst',
  count: 'How many',
  unit: 'Of what',
  units: { recalls: 'recalls', messages: 'messages' },
  withinS: 'Within, in seconds',
  per: 'Counted for',
  pers: { operator: 'each operator', group: 'each group', all: 'all together' },
  coolDownS: 'Quiet afterwards, in seconds',
  hasSound: 'Sound',
  notifies: 'Desktop notification',
  rule: {
    all: 'All recalls',
    each: 'each recall',
    burst: (count: number, unit: string, s: number, per: string) =>
      `${number(count)} ${unit} within ${seconds(s)}, ${per}`,
    coolDown: (s: number) => `then quiet for ${seconds(s)}`,
  },
  history: 'What has rung',
  none: 'Nothing has rung in this tab.',
  clear: 'Clear',
  ring: {
    recalls,
    counted: (count: number, unit: string) => `${number(count)} ${unit}`,
    by: (operator: string) => `by ${operator}`,
    in: (group: string) => `in ${group}`,
    late: 'came late, or while this page was away',
    first: 'First',
    latest: 'Latest',
    find: 'Find all',
  },
}
