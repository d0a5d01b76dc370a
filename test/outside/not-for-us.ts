import { MAX_REQUEST_BYTES } from '../../shared/limits.ts'

interface NotForUs {
  readonly name: string
  readonly reason: string
}

/** Cases of outside judges that say nothing about this gateway, and why, by test file. */
export const NOT_FOR_US = {
  'engine-io-protocol': [
    {
      name: 'handshake, messages, heartbeat and close over HTTP long-polling',
      reason: 'only WebSocket is offered; that polling is refused is tested',
    },
    { name: 'upgrade from long-polling to WebSocket', reason: 'there is no long-polling to upgrade from' },
    {
      name: 'echo of a text and of a binary message',
      reason: 'Socket.IO decides what is answered; see its suite',
    },
  ],
  'http-requests': [
    {
      name: 'echo of the body (h1spec)',
      reason: 'no path echoes; that the body of a webhook was understood shows that it was read whole',
    },
    {
      name: 'what a proxy passes on (http-garden)',
      reason: 'the gateway is no proxy; test/multi-node/behind-proxy.test.ts puts one before it',
    },
  ],
  'socket-io-protocol': [
    {
      name: 'connection to a custom namespace',
      reason: 'there is one namespace; that others are refused is tested',
    },
    {
      name: 'connection without a payload',
      reason: 'without a credential there is no connection; that it is refused is tested',
    },
    {
      name: 'echo of values and of bytes',
      reason: 'the gateway answers requests, and no request carries bytes; both are tested as requests',
    },
  ],
  'websocket-frames': [
    {
      name: 'echo of messages of 64 KiB to 16 MiB (9.1 to 9.6)',
      reason: `no request is larger than ${MAX_REQUEST_BYTES / 1_024} KiB; larger ones must be refused, see lengths`,
    },
    {
      name: 'round trips of a thousand messages (9.7, 9.8)',
      reason: 'measures speed, and a socket may send a burst of 1,000 requests; npm run bench measures ours',
    },
    {
      name: 'compression (12, 13)',
      reason: 'permessage-deflate is not offered; that it is never agreed is tested with the handshake',
    },
    {
      name: 'a frame before the response to the handshake',
      reason: 'RFC 6455, 4.1: a client must wait for it; Engine.IO drops the frame',
    },
    {
      name: 'UTF-8 refused before the message is complete (6.4)',
      reason: `optional; no message is larger than ${MAX_REQUEST_BYTES / 1_024} KiB, so nothing is gained before its end`,
    },
  ],
} as const satisfies Readonly<Record<string, readonly NotForUs[]>>

/** Prints the cases that are not for us with the report. Call it inside `describe`. */
export function reportNotForUs(judge: keyof typeof NOT_FOR_US): void {
  after(() => {
    for (const { name, reason } of NOT_FOR_US[judge])
      process.stdout.write(`    - not for us: ${name}: ${reason}\n`)
  })
}
