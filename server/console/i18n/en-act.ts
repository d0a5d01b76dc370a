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
