import { number, plural } from './en-format.ts'

type Shortcut = readonly [keys: string, what: string]

const recalls = (count: number): string => plural(count, 'recall', 'recalls')

/** Addresses, the search and the list of recalls. */
export const find = {
  /** What is wrong with an address, before the text that is. */
  address: {
    view: 'The address names a view that does not exist:',
    part: 'The address has a part that this console does not know:',
    value: 'The address has a part that cannot be read:',
    twice: 'The address names a part twice; the first one counts:',
    length: 'The address is too long to be read:',
  },
  open: {
    failed: 'The recall in the address cannot be shown.',
    missing: {
      'other-log': 'Its log was lost since and started over, or the address is of another gateway.',
      'not-kept': 'It is no longer kept: the log does not go back that far.',
      'not-yet': 'The log has not come that far: the address may be of another gateway.',
    },
  },
  search: {
    label: 'Search',
    inFeed: 'Search: lobby  operator:alice  seq:130,200-210  -bot',
    inLogs: 'Search what is kept: group:lobby seq:130',
    help: 'How to search',
    unreadable: 'The search cannot be read. See what is wrong with it above.',
    impossible: 'Nothing can match. See why above.',
    unseen: 'With characters that are not seen:',
    reversed: (time: string) => `${time}: from is after until, so nothing can match.`,
    times: { recalled: 'Recalled', received: 'Received' },
  },
  /** After the term that is wrong. */
  problems: {
    'too-long': 'The search is too long: at most 1,000 characters.',
    'too-many-terms': 'One term too many: a search has at most 50.',
    'not-text': 'It holds half a character.',
    'open-quote': 'A quote is not closed.',
    'no-colon':
      'Write a colon after a key, such as operator:alice, or >= and < before a time. To look for the text itself, write it in quotes.',
    'unknown-key':
      'There is no such key. Write "a:b" in quotes to look for the text itself. “How to search” lists the keys.',
    'no-value': 'A value is missing.',
    'not-a-kind': 'The kinds are group, c2c and official.',
    'not-a-mark': 'What can be asked with is: is test.',
    'not-a-seq': 'A seq is a whole number from 1, or a range such as 200-210.',
    'not-a-time':
      'Write a time with its zone, such as 2026-11-27T10:00Z, or a day in UTC, such as 2026-11-28.',
  },
  help: {
    title: 'How to search',
    intro: 'Terms have blanks between them, and all must hold. A minus excludes, a comma means “or”.',
    more: 'All about searching',
    times: {
      'recalled>=': 'Recalled from',
      'recalled<': 'Recalled until',
      'received>=': 'Received from',
      'received<': 'Received until',
    },
    terms: {
      lobby: 'a name contains it; or it is the seq, MsgId or MsgKey of a message',
      'group:lobby,hall': 'in one of these groups',
      'topic:news': 'in this topic',
      'operator:alice': 'recalled by this user',
      'sender:bob': 'sent by this user (one-to-one)',
      'c2c:alice': 'in a one-to-one conversation of this user',
      'official:@news': 'of this official account',
      'seq:130,200-210': 'of these messages of a group',
      'msgid:144115…': 'of the message with this MsgId or MsgKey',
      'type:Public': 'in a group of this type',
      'is:test': 'made to test the gateway',
      '-operator:bot': 'without those that the term finds',
      '"two words"': 'quotes around what has blanks or colons',
    },
  },
  saved: {
    button: 'Saved searches',
    none: 'None saved in this browser yet.',
    name: 'Name',
    save: 'Save this search',
    nothingToSave: 'Write a search to save it.',
    drop: (name: string) => `Forget ${name}`,
    noName: 'Write a name to save it under.',
    full: (count: number) => `At most ${count} are saved. Forget one first.`,
  },
  export: {
    button: 'Export',
    all: 'Saves all recalls that are kept as a file.',
    found: 'Saves all recalls that are kept and match the search as a file.',
    formats: { csv: 'CSV, for spreadsheets', jsonl: 'JSON Lines, one recall a line' },
    running: (mb: string) => `${mb} MB so far …`,
    cancel: 'Stop',
    saved: (mb: string) => `Saved, ${mb} MB.`,
    cancelled: 'Nothing was saved. A file that you chose is as it was, or empty if it is new.',
    tooLarge: (mb: string) =>
      `Larger than ${mb} MB, which is what this browser can hold. Nothing was saved: narrow the search, use a browser that saves straight to disk, such as Chrome or Edge over HTTPS, or GET /v1/export.`,
    failed: 'The export broke off. What was saved, if anything, is not whole.',
  },
  busiest: {
    button: 'Busiest groups and operators',
    span: 'In the last',
    spans: ['hour', 'day', 'week'] as readonly string[],
    groups: 'Groups',
    operators: 'Operators',
    none: 'None.',
    count: (count: number, messages: number) =>
      `${recalls(count)}, ${plural(messages, 'message', 'messages')}`,
    partial: (count: number) =>
      `Counted among the latest ${recalls(count)} in the log of the feed: what is older is not in it.`,
    hint: 'By number of messages, without test recalls. A click adds the term to the search.',
  },
  status: {
    searching: 'Searching the log …',
    backTo: (time: string, count: number) => `Searched back to ${time} (${recalls(count)})`,
    searchingOn: (reached: string) => `${reached}; searching on …`,
    sentence: (reached: string) => `${reached}.`,
    all: (time: string | undefined) =>
      time === undefined
        ? 'All that is kept was searched.'
        : `All that is kept, since ${time}, was searched.`,
    allOfFeed: (time: string | undefined) =>
      `The log of the feed was searched to its end${time === undefined ? '' : `, back to ${time}`}. The log of a group may reach further back: name it, such as group:lobby.`,
    unreadable: (count: number) => `${plural(count, 'entry', 'entries')} could not be read.`,
    asOf: (time: string) => `As of ${time}.`,
    again: 'Search again',
    nothingKept: 'Nothing is kept yet.',
    full: (count: number, reached: string) =>
      `${reached}. A page shows at most ${number(count)}; an export has all.`,
    failed: (reached: string, reason: string) =>
      `${reached === '' ? 'The search failed' : `${reached}, then the search failed`}: ${reason}`,
    searchOn: 'Search on',
    found: (count: number) => `${number(count)} found.`,
    noneSoFar: 'None found so far. Searching on …',
    noneYet: 'None found in what was searched so far.',
    none: 'None of the recalls that are kept match.',
    noneInFeed: 'None of the recalls in the log of the feed match.',
    noneReadable: 'None of the recalls that could be read match.',
    waiting: (count: number) =>
      `${recalls(count)} that ${count === 1 ? 'matches waits' : 'match wait'}: resume to see ${count === 1 ? 'it' : 'them'}.`,
  },
  feed: {
    all: recalls,
    latest: (count: number) => `the latest ${recalls(count)}`,
    matching: (count: number, loaded: string) => `${number(count)} of ${loaded}`,
  },
  list: {
    newer: (count: number) => `${number(count)} new`,
    newerTitle: 'Rows hold still while you point at one. Show the new ones.',
  },
  history: {
    since: 'Recalled since',
    ends: {
      kept: 'Nothing older is kept.',
      since: 'What is older was recalled before that time.',
      replaced: 'The log was lost meanwhile and started over. Search again.',
    },
  },
  lookup: {
    /** Before the name of the conversation. */
    asked: (names: string) => `${names} in`,
    unreadable: 'The address asks for messages in a way that cannot be read:',
    more: (count: number) => `… and ${number(count)} more.`,
    showAll: 'Show these recalls below',
    by: 'by',
    notRecalled: 'Not recalled:',
    findingBy: 'looking for who …',
    notFoundBy: 'by whom could not be read',
    unknownBy: 'by whom is no longer kept',
  },
  shortcuts: {
    title: 'Keyboard shortcuts',
    keys: [
      ['/', 'to the search box'],
      ['↑ ↓', 'to another row, from the search box to the list; rows then hold still'],
      ['Page Up, Page Down', 'by a screen'],
      ['Home', 'to the newest row; new rows show up again'],
      ['End', 'to the oldest row'],
      ['Enter', 'opens the row'],
      ['Esc', 'closes what is open'],
      ['?', 'this list'],
    ] as readonly Shortcut[],
  },
}
