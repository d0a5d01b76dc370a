import { number, plural } from './en-format.ts'

/** Texts about who uses the page, and how to sign in, in English. */
export const access = {
  signIn: 'Sign in',
  signInHint: 'You come back here, to what is open now.',
  withToken: 'Use a token instead',
  signInAgain: 'Sign in again',
  signInAgainHint: 'This opens another tab. Everything on this page stays as it is.',
  signInFailed: (text: string) => (text === '' ? 'The sign-in failed.' : `The sign-in failed: ${text}`),
  takenElsewhere: 'You are signed in. Your other tab goes on, and this one can be closed.',
  dismiss: 'Dismiss',
  offered: (other: string, own: string) =>
    `A link has brought a token of ${other}. You are signed in as ${own}.`,
  fromLink: (user: string) =>
    `A link would sign you in as ${user}. If you have not asked for it, sign in yourself instead.`,
  change: (other: string) => `Go on as ${other}`,
  stay: (own: string) => `Stay ${own}`,
  notTaken: 'Another token was not taken. You go on as before.',
  whoAmI: 'Who am I?',
  user: 'User',
  role: 'Role',
  roles: { admin: 'Admin', member: 'Member' },
  noAdmin: 'No admin, because',
  roleClaims: {
    missing: (claim: string) => `the token has no ${claim}`,
    elsewhere: (claim: string) =>
      `the token has no ${claim}: the provider leaves it out of users with many groups`,
    'other-values': (claim: string) => `${claim} in the token has none of the values that make an admin`,
    'other-case': (claim: string) => `${claim} in the token has the right value in other letter case`,
    'unverified-email': (claim: string) => `the provider has not verified ${claim}`,
  },
  app: 'App (SDKAppID)',
  environment: 'Environment',
  host: 'Answered by',
  version: 'Version',
  until: 'Signed in until',
  configuration: 'Settings in effect',
  setting: 'Setting',
  value: 'Value',
  origin: 'From',
  origins: { default: 'default', environment: 'environment', file: 'file' },
  unset: 'not set',
  secret: 'set',
  showDefaults: 'Show defaults too',
  differ: (names: string) => `Different between processes: ${names}`,
  findings: 'Check everything',
  severities: { critical: 'Critical', warning: 'Warning', info: 'Note', ok: 'Fine' },
  allFine: 'Nothing found.',
  /** By id, in place of the gateway's titles. */
  findingTitles: {} as Readonly<Record<string, string>>,
  /** What of the findings is in another language than the page. */
  findingsHint: '',
  fine: (count: number) => `${plural(count, 'check', 'checks')} found nothing wrong`,
  unanswered: (count: number) =>
    `${plural(count, 'answer is', 'answers are')} missing, so more may be wrong than is listed here:`,
  more: 'What to do',
  events: (count: number) => `Events of the last hour: ${number(count)}`,
  marks: {
    start: 'started',
    stop: 'stopped',
    spool: 'recalls wait on its disk',
    'spool-end': 'all recalls published',
    doubt: 'delivery in doubt',
    'doubt-end': 'delivery proved',
    gap: 'gap: clients loaded anew',
  },
}
