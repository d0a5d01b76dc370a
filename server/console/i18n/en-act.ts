import { number, plural } from './en-format.ts'

/** How much later one clock said something than another: seconds below a minute, with ms. */
const duration = (ms: number): string =>
  Math.abs(ms) < 1_000 ? `${number(Math.abs(ms))} ms` : `${number(Math.abs(ms) / 1_000)} s`

/** Texts of what a moderator does with a recall, in English. */
export const act = {
  zone: {
    shown: (zone: string) => `Times in ${zone}`,
    toUtc: 'Show times in UTC',
    toLocal: 'Show times in your time zone',
  },
  path: {
    after: (ms: number) =>
      ms < 0 ? `${duration(ms)} earlier, by the gateway’s clock` : `${duration(ms)} later`,
    trace: 'Trace',
    kept: (time: string) => `stored ${time}`,
    firstTold: (time: string) => `first told ${time} by`,
    listening: (count: number) => `${plural(count, 'socket', 'sockets')} listening now`,
    listeningHere: (count: number) => `${plural(count, 'socket', 'sockets')} of the node that answered`,
    listeningAmong: (count: number, others: number) =>
      `${plural(count, 'socket', 'sockets')} of the node that answered; ${others === 1 ? 'the other node is' : `the ${number(others)} other nodes are`} not counted`,
  },
  copy: {
    title: 'Take along',
    copy: (what: string) => `Copy ${what}`,
    copied: (what: string) => `Copied: ${what}`,
    byHand: (what: string) => `The browser does not let this page copy. Copy it from here: ${what}`,
    text: 'Text',
    json: 'JSON',
    link: 'Link',
    all: 'Copy all',
    ids: 'MsgIds',
    idCount: (count: number) => plural(count, 'MsgId', 'MsgIds'),
  },
  evidence: {
    title: 'Evidence',
    button: 'Evidence',
    all: 'all recalls that are kept',
    hint: 'Saves a file of who recalled what, and when the gateway received and kept it. Each entry is linked to the one before it, and the whole is signed: later changes, omissions and cuts show.',
    limits:
      'It does not prove that the log was right before, nor that the webhook said the truth. Each file is noted, with who asked for it.',
    more: 'What it proves, and what not',
    save: 'Save evidence',
    saved: (shown: number, entries: number) =>
      `Saved: ${plural(shown, 'recall', 'recalls')}, and the links of ${plural(entries, 'entry', 'entries')}.`,
    showsNone:
      'The file shows none of the recalls: its log no longer holds them, or nothing matches. It proves only that.',
    seeFeed:
      'If the group was dismissed, the feed may hold them: search for its name without “group:”, and save evidence there.',
    partial: 'The file does not hold all that was asked for:',
    cutOff: 'The file has no signature at its end: it was cut off. Save it again.',
    tooLarge: (mb: string) =>
      `Larger than ${mb} MB, which is what this browser can hold. Nothing was saved: narrow the search, or get it over HTTP.`,
    file: 'File',
    key: 'Signed with key',
    verify: 'How to check it',
    keyHint:
      'Whoever has to believe the file must know the public key from elsewhere: a key that comes with the file proves only that it agrees with itself.',
  },
  time: { unreadable: 'Write a time as 2026-11-27 17:05, or a day as 2026-11-27.' },
  saving: {
    title: 'Files that are saved',
    running: (mb: string) => `being saved, ${mb} MB so far …`,
    saved: 'saved.',
    incomplete: 'not whole: it ends early.',
    cancelled: 'stopped: nothing was saved.',
    'too-large': 'not saved: too large for this browser.',
    failed: 'not saved, or not whole. The menu where you began says why.',
  },
  test: {
    mark: 'Test',
    title: 'Made to test the gateway: nothing was recalled.',
  },
  rooms: {
    all: 'All recalls, live',
    back: '← Rooms',
    noOlder: 'Nothing older is kept.',
    full: (count: number) =>
      `Only the latest ${number(count)} are held here. History searches all that is kept.`,
    busiest: 'Busiest groups of the last hour',
    yours: 'Rooms of your token',
  },
  print: {
    button: 'Print',
    printed: (time: string) => `Printed ${time}`,
    by: 'by',
  },
}
