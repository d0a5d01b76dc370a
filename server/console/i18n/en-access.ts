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
  change: (other: string) => `Go on as ${other}`,
  stay: (own: string) => `Stay ${own}`,
  /** For a token that does not say whose it is. */
  somebody: 'another user',
  whoAmI: 'Who am I?',
  user: 'User',
  role: 'Role',
  roles: { admin: 'Admin', member: 'Member' },
  app: 'App (SDKAppID)',
  environment: 'Environment',
  host: 'Answered by',
  version: 'Version',
  until: 'Signed in until',
}
