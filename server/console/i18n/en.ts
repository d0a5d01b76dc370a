import { access } from './en-access.ts'
import { moderation } from './en-moderation.ts'
import { presence } from './en-presence.ts'
import { act } from './en-act.ts'
import { number, plural, seconds } from './en-format.ts'
import { find } from './en-find.ts'
import { health } from './en-health.ts'
import { quarantine } from './en-quarantine.ts'
import { rings } from './en-rings.ts'

/** A label, and the detail shown in smaller type next to it. */
const pair = (label: string, detail: string): readonly [label: string, detail: string] => [label, detail]

/** All texts of the page, in English. Other languages have the same keys. */
export const en = {
  otherLanguage: '中文',
  title: 'Recall gateway',
  navigation: 'Views',
  skipToContent: 'Skip to content',
  views: {
    feed: 'Live feed',
    rooms: 'Rooms',
    history: 'History',
    health: 'Health',
    quarantine: 'Quarantine',
    rings: 'Rings',
    access: 'Access',
    test: 'Test recall',
  },
  toggleTheme: 'Switch theme',
  docs: 'Documentation',
  logOut: 'Log out',
  loading: 'Loading…',
  states: {
    'no-token': pair('No token', 'paste one to connect'),
    connecting: pair('Connecting', 'not live yet'),
    'catching-up': pair('Catching up', 'missed recalls are arriving; not live yet'),
    loading: pair('Loading', 'reading the log; not live yet'),
    live: pair('Live', 'recalls appear as they happen'),
    idle: pair('Connected', 'no rooms watched'),
    paused: pair('Paused', 'the feed does not move'),
    problem: pair('Problem', ''),
    stale: pair('In doubt', 'recalls may be missing'),
    offline: pair('Offline', 'missed recalls follow once connected'),
    refused: pair('Refused', 'not connected'),
    closed: pair('Closed', 'not connected'),
  },
  /** What the top bar adds. */
  signals: {
    since: (time: string) => `since ${time}`,
    semicolon: '; ',
    /** Between a statement and its reason. */
    colon: ': ',
    waiting: (count: number) => `${number(count)} waiting`,
    held: 'the list holds still, newer recalls wait',
    nextTry: (s: number) => (s < 1 ? 'Trying again now …' : `Next try in ${number(s)} s`),
    tryNow: 'Try now',
    problems: (count: number) => plural(count, 'problem', 'problems'),
    warnings: (count: number) => plural(count, 'warning', 'warnings'),
    seeHealth: 'see Health',
  },
  token: {
    intro: 'See which messages are recalled, as it happens.',
    label: 'Token',
    connect: 'Connect',
    expiresAt: (time: string) => `Your token expires at ${time}.`,
    renewHint: 'Paste a new one before then; everything on this page stays as it is.',
    hint: 'Issued by your app’s backend, or part of a link that ends in #token=… Stored for this tab only.',
  },
  errors: {
    TOKEN_REFUSED: 'The token is invalid. Paste another one.',
    TOKEN_EXPIRED: 'The token has expired. Paste a new one.',
    USER_DISCONNECTED: 'An admin has temporarily disconnected you.',
    '4000': 'The node is stopping; another one takes over, if there is one.',
    '4001': 'This page fell too far behind.',
    '4003': 'The node is short of memory.',
    '4002': 'The token has expired.',
    '4500': 'An admin has disconnected you.',
    TOO_MANY_FAILURES: 'Too many invalid tokens from your address. Try again in a minute.',
    TOO_MANY_REQUESTS: 'Too many requests. Try again in a moment.',
    ADMIN_NEEDED: 'Admins only.',
    ROOM_REFUSED: 'This room is not granted to you, or you were taken out of it.',
    MEMBERSHIP_UNKNOWN: 'Your membership in this group cannot be verified at the moment.',
    BROKER_UNAVAILABLE: 'The gateway’s store (Redis) is not responding.',
    NODE_FULL: 'This node is full.',
    EVIDENCE_KEY_MISSING: 'The gateway has no key to sign evidence with (EVIDENCE_KEY).',
    NOT_IN_QUARANTINE: 'It is no longer in the quarantine.',
    PROCESS_UNREACHABLE: 'The receiver that holds it does not answer.',
    NO_ANSWER: 'The gateway is not responding.',
  },
  messageCount: (count: number) => plural(count, 'message', 'messages'),
  recallCount: (count: number) => plural(count, 'recall', 'recalls'),
  kinds: { group: 'Group', c2c: 'One-to-one', official: 'Official account' },
  /** The same next to a name, in little space. */
  kindMarks: { group: 'Group', c2c: '1:1', official: 'Official' },
  /** What one can ask for. */
  roomKinds: {
    feed: 'Everything',
    group: 'Group or topic',
    c2c: 'One-to-one',
    official: 'Official account',
  },
  columns: {
    time: 'Time',
    conversation: 'Conversation',
    topic: 'Topic',
    operator: 'Recalled by',
    messages: 'Messages',
  },
  filter: { kind: 'Kind', anyKind: 'Any' },
  feed: {
    empty: 'No recalls yet. They appear here as they happen.',
    emptyNotLive: 'No recalls to show. This list is not live at the moment.',
    pause: 'Pause',
    resume: (count: number) => (count === 0 ? 'Resume' : `Resume (${number(count)} new)`),
    paused: (count: number) => `Paused. New recalls are queued, the latest ${number(count)} of them.`,
    jumpToLatest: 'Jump to latest',
    newRows: (count: number) => `${plural(count, 'new entry', 'new entries')} in the feed`,
    adminsOnly: 'Only admins can see the feed. Watch conversations under Rooms.',
    resumeToSee: 'Resume to see where.',
  },
  events: {
    gap: 'Some notices are missing.',
    /** A time in which recalls may not have arrived. `until` is undefined while it lasts. */
    interruption: {
      stale: (from: string, until: string | undefined) =>
        until === undefined
          ? `Since ${from} it is not certain that recalls arrive`
          : `From ${from} to ${until} it was not certain that recalls arrive`,
      offline: (from: string, until: string | undefined) =>
        until === undefined
          ? `Offline since ${from}: no recalls arrive`
          : `Offline from ${from} to ${until}: no recalls arrived`,
      refused: (from: string, until: string | undefined) =>
        until === undefined
          ? `Refused since ${from}: no recalls arrive`
          : `Refused from ${from} to ${until}: no recalls arrived`,
    },
    recovered: (count: number) => `${plural(count, 'notice', 'notices')} missed while offline, shown above`,
    late: (count: number) => `${plural(count, 'recall', 'recalls')} arrived late, marked above`,
  },
  late: {
    mark: (s: number) => `arrived ${seconds(s)} late`,
    detail: (s: number) => `${seconds(s)} after the gateway received it, by the gateway’s clock`,
    detailForMembers: (s: number) =>
      `${seconds(s)} after it was recalled, by the clocks of the provider and the gateway`,
  },
  gapReasons: {
    'epoch-changed': 'The log was lost and started over. Check the messages your app shows.',
    trimmed: 'The log does not go back that far. Check the messages your app shows.',
    'too-many': 'Too many were missed. Check the messages your app shows.',
    unreadable: 'The log contains an entry that cannot be read. Check the messages your app shows.',
    'position-unreadable': 'The stored position cannot be read. Check the messages your app shows.',
  },
  details: {
    title: 'Recall',
    close: 'Close',
    fields: {
      group: 'Group',
      topic: 'Topic',
      groupType: 'Group type',
      c2c: 'One-to-one',
      official: 'Official account',
      sender: 'Sent by',
      operator: 'Recalled by',
      platform: 'Platform',
      address: 'IP address',
    },
    noTime: 'No time given by the provider',
    path: 'Delivery path',
    recalled: 'Recalled',
    received: 'Received by the gateway',
    stored: 'Stored',
    storedNote: 'before the webhook was acknowledged',
    shownHere: 'Shown here',
    fromLog: 'read from the log',
    offset: (offset: number) => `offset ${number(offset)}`,
    noOffset: 'no longer in the log',
    listening: (count: number) => `${plural(count, 'socket', 'sockets')} listening on this node`,
  },
  rooms: {
    title: 'Watched rooms',
    empty: 'No rooms watched. Enter a group, a topic, two users or an official account.',
    kind: 'Kind',
    group: 'Group',
    topic: 'Topic (optional)',
    user: 'User',
    otherUser: 'Other user',
    official: 'Official account',
    keys: 'Message keys (MsgKey), separated by commas',
    invalidKeys: (count: number) => `Enter message keys, separated by commas; at most ${number(count)}.`,
    /** Between the two users of a conversation. */
    and: 'and',
    watch: 'Watch',
    unwatch: (room: string) => `Stop watching ${room}`,
    invalidIdentifier: (bytes: number) => `Enter printable text of at most ${bytes} bytes.`,
    topicPrefix: 'topic',
    scopes: { group: 'group and all its topics', c2c: 'one-to-one', official: 'official account' },
    topicOf: 'topic in',
    feed: 'Feed',
    position: 'Position',
    epoch: 'Epoch',
    recovered: 'Recovered',
    gaps: 'Gaps',
    latest: 'Latest recalls',
    none: 'None stored.',
  },
  history: {
    title: 'Search history',
    search: 'Search',
    older: 'Load older',
    prompt: 'Enter a conversation to read its log.',
    noMatch: 'No matching recalls.',
    readInDoubt: (time: string) =>
      `Read at ${time}, when it was not certain that all recalls were stored: some may be missing. Ask again once the page is live.`,
    lookupTitle: 'Which messages are recalled?',
    fromSeq: 'From seq',
    toSeq: 'To seq',
    recalledCount: (found: number, requested: number) =>
      `${number(found)} of ${plural(requested, 'message', 'messages')} recalled`,
    tooMany: 'At most 1,000 messages at a time.',
    reversed: 'The range ends before it begins.',
    lookupSubmit: 'Look up',
  },
  access,
  moderation,
  presence,
  act,
  find,
  health,
  quarantine,
  rings,
  statusUnknown: (time: string) => `this page cannot read the gateway’s status since ${time}`,
  /** Problems by code, and reasons by code or by the gateway's sentence, in languages other than the gateway's. */
  problems: {} as Readonly<Record<string, string>>,
  reasons: {} as Readonly<Record<string, string>>,
  test: {
    title: 'Send a test recall',
    hint: 'All listeners receive it like a real recall, so use a conversation of your own.',
    seqs: 'Sequence numbers (MsgSeq), separated by commas',
    send: 'Send',
    sending: 'Sending …',
    accepted: 'A receiver answered OK',
    sent: 'Stored and published',
    notPublished:
      'Nothing new was published: these messages are already recalled, or the recall is spooled to disk.',
    throughReceiver: 'It went through the door of a receiver, signed like a webhook of the provider.',
    notThroughReceiver:
      'It did not go through the door of a receiver. Whether webhooks of the provider are accepted is not tested.',
    arrived: (ms: number) => `It arrived in the feed of this page after ${number(Math.round(ms))} ms.`,
    awaited: 'It has not arrived in the feed yet …',
    overdue: (s: number) => `It has not arrived in the feed within ${seconds(s)}. Still watching for it.`,
    openFeed: 'Open the live feed',
    invalidSeqs: 'Enter positive whole numbers, separated by commas; at most 1,000.',
  },
}

export type Messages = typeof en
