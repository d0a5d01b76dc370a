import { number, plural } from './en-format.ts'

/** Texts of the quarantine view, in English. */
export const quarantine = {
  adminsOnly: 'Only admins can see the quarantine.',
  intro:
    'Authentic requests that the gateway did not understand or could not pass on, of all receivers. Retry them once the cause is gone.',
  count: (count: number) => plural(count, 'entry', 'entries'),
  listed: (count: number) => `${plural(count, 'entry', 'entries')} listed here`,
  readAt: 'read at',
  refresh: 'Refresh',
  more: 'Load older',
  empty: 'The quarantine is empty.',
  emptyElsewhere: 'The receivers that answered hold nothing.',
  unanswered: (folder: string) =>
    `The receiver with data folder ${folder} did not answer. Its entries are missing here.`,
  unansweredRetry: (folder: string) =>
    `The receiver with data folder ${folder} did not answer. Its entries may not have been retried.`,
  unknown: 'There may be other receivers, whose entries are missing here.',
  unknownRetry: 'There may be other receivers, whose entries have not been retried.',
  kinds: { webhook: 'Webhook', recall: 'Recall', relay: 'Relay', rotten: 'Rotten' },
  noCommand: 'no command',
  folder: 'Data folder',
  bytes: (count: number) => `${number(count)} ${count === 1 ? 'byte' : 'bytes'}`,
  retryAll: 'Retry all with this reason',
  retryAllHint: 'Of this kind, every entry whose reason contains this one, also those not listed here',
  progress: (accepted: number, refused: number) =>
    `Retrying … ${number(accepted)} accepted, ${number(refused)} refused so far`,
  stop: 'Stop',
  retried: (accepted: number, refused: number) =>
    `${number(accepted)} accepted and gone from the quarantine, ${number(refused)} still refused.`,
  partial: 'Not all were tried.',
  entry: 'Quarantined request',
  retry: 'Retry',
  drop: 'Drop …',
  dropQuestion: 'Drop this entry for good?',
  dropWarning: 'If it is a recall, nobody will be told of it.',
  dropForGood: 'Drop for good',
  keep: 'Keep it',
  outcomes: {
    accepted: 'Accepted. It is no longer in the quarantine.',
    dropped: 'Dropped.',
    missing: 'It is no longer in the quarantine.',
    refused: 'Still refused',
  },
  fields: {
    reason: 'Reason',
    kind: 'Kind',
    command: 'Command',
    received: 'Received',
    quarantined: 'Set aside',
    receiver: 'Receiver',
    method: 'Method',
    path: 'Path',
    contentType: 'Content type',
    query: 'Query, without Sign',
    id: 'Id',
  },
  body: 'Body',
  asReceived: 'As received',
  noBody: 'There is no body.',
  notUtf8: 'The body is not UTF-8, so it is shown in hexadecimal.',
  escaped: 'Characters that are invisible, or change the direction of text, are shown as \\uXXXX.',
  omitted: (count: number) =>
    `${number(count)} more bytes are not shown here. “recall-gateway quarantine show” prints all of it.`,
}
