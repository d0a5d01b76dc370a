import { readResponse } from '../receiver/responses.ts'
import { judgeShown } from './certificate.ts'
import { critical, info, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'
import type { Answer, PublicUrlFacts } from './public-url.ts'

/** A stream begins at once unless something holds it back. */
const MAX_FIRST_BYTE_MS = 3_000

/** Judges how a gateway is reached through what is in front of it; pure. */
export function judgePublicUrl(facts: PublicUrlFacts, nowMs: number): Finding[] {
  if ('failure' in facts.plain)
    return [
      critical(
        'public-url',
        `${facts.url} cannot be reached: ${facts.plain.failure}`,
        'See the name, the certificate, the firewall, and whether the proxy knows the gateway',
      ),
    ]
  return [
    plain(facts.plain, facts.url),
    ...certificate(facts.plain, nowMs),
    webSocket(facts.webSocket),
    ...(facts.stream === undefined ? [] : [stream(facts.stream, facts.streamCutAfterMs)]),
    longRequest(facts.longRequest),
    ...(facts.isTrusted ? webhooks(facts) : [untried(facts.url)]),
    ...address(facts),
  ]
}

const describe = (answer: Answer): string =>
  'failure' in answer ? answer.failure : `it answered ${answer.status}`

function plain(answer: Answer, url: string): Finding {
  if ('failure' in answer || answer.status !== 200)
    return critical(
      'public-url',
      `${url}/client.json: ${describe(answer)}`,
      'Pass everything to the gateway, and set BASE_PATH if it is served below a path',
    )
  return /^http:/i.test(url)
    ? warning(
        'public-url',
        `${url} is reached without TLS`,
        'Terminate TLS in front, or set TLS_CERT and TLS_KEY',
      )
    : ok('public-url', `${url} is reached, with TLS`)
}

const certificate = ({ certificateEndsAtMs: endMs }: Extract<Answer, { status: number }>, nowMs: number) =>
  endMs === undefined ? [] : [judgeShown(endMs, nowMs)]

function webSocket(answer: Answer): Finding {
  if (!('failure' in answer) && answer.status === 101) return ok('public-websocket', 'a WebSocket opens')
  return critical(
    'public-websocket',
    `no WebSocket opens on /socket.io/: ${describe(answer)}`,
    'Pass the headers Upgrade and Connection on, with HTTP/1.1 (nginx: proxy_http_version 1.1)',
  )
}

/** Of what needs a token or a signature. */
const untried = (url: string): Finding =>
  info(
    'public-webhook',
    'webhooks and streams were not tried: a token or signature is sent to a gateway only, with TLS or on this machine',
    /^http:/i.test(url) ? 'Name the URL with https' : 'See whether this is the URL of the gateway',
  )

function stream(answer: Answer, cutAfterMs: number | undefined): Finding {
  const fix = 'Do not buffer or compress text/event-stream (nginx: proxy_buffering off for /v1/stream)'
  if ('failure' in answer || answer.status !== 200)
    return warning('public-stream', `/v1/stream: ${describe(answer)}`, fix)
  const { headers, firstByteMs } = answer
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    return warning(
      'public-stream',
      `something compresses the stream (${encoding}), and holds notices back`,
      fix,
    )
  if (firstByteMs > MAX_FIRST_BYTE_MS)
    return warning(
      'public-stream',
      `its first byte took ${Math.round(firstByteMs)} ms: something buffers it`,
      fix,
    )
  if (cutAfterMs !== undefined)
    return warning(
      'public-stream',
      `a stream on which nothing happened was ended after ${(cutAfterMs / 1_000).toFixed(1)} s`,
      'Let what is in front wait longer for data than HEARTBEAT_S (nginx: proxy_read_timeout, HAProxy: timeout tunnel)',
    )
  return ok('public-stream', `a stream begins after ${Math.round(firstByteMs)} ms, not compressed`)
}

function longRequest(answer: Answer): Finding {
  if (!('failure' in answer) && answer.status === 200) return ok('public-headers', 'requests of 42 KiB pass')
  return warning(
    'public-headers',
    `a request line of 30 KiB and headers of 12 KiB do not pass: ${describe(answer)}`,
    'Let 48 KiB of headers pass, 32 KiB of them in one line (nginx: large_client_header_buffers 4 32k)',
  )
}

function webhooks({ webhook, largeWebhook }: PublicUrlFacts): Finding[] {
  if (webhook === undefined || largeWebhook === undefined) return []
  if ('failure' in webhook)
    return [
      critical('public-webhook', `the webhook: ${webhook.failure}`, 'Pass POST requests on to a receiver'),
    ]
  const response = readResponse(webhook.text)
  if (response === undefined)
    return [
      critical(
        'public-webhook',
        `what answers at WEBHOOK_PATH is no receiver (${webhook.status})`,
        'Route WEBHOOK_PATH to a process with ROLE=receiver or ROLE=all',
      ),
    ]
  if (response !== 'OK') {
    const found = `the receiver is reached, and refuses: ${response.code}${response.detail}`
    return response.code === 'ADDRESS_REFUSED'
      ? [
          info(
            'public-webhook',
            found,
            'WEBHOOK_ALLOW does not contain this machine, which is as it should be',
          ),
        ]
      : [critical('public-webhook', found, 'Look up the code in operations.md, "All webhooks are refused"')]
  }
  if ('failure' in largeWebhook || largeWebhook.status !== 200)
    return [
      critical(
        'public-webhook',
        `webhooks of 240 KiB do not pass: ${describe(largeWebhook)}`,
        'Let bodies of 256 KiB pass (nginx: client_max_body_size 256k)',
      ),
    ]
  return [ok('public-webhook', 'a signed webhook is accepted, and one of 240 KiB passes')]
}

function address({ seen }: PublicUrlFacts): Finding[] {
  if (seen === undefined) return []
  const found = `the gateway takes this machine for ${seen.address}`
  if (seen.throughTrustedProxy)
    return [info('public-address', `${found}, through a proxy in TRUST_PROXY`, 'See that this is right')]
  if (seen.forwarded)
    return [
      critical(
        'public-address',
        `${found}, which is the proxy: it says for whom it asks, and is not in TRUST_PROXY`,
        `Add ${seen.address} to TRUST_PROXY: until then, all clients share the limits of one`,
      ),
    ]
  return [
    info(
      'public-address',
      `${found}`,
      'If that is a proxy, let it write X-Forwarded-For, and name it in TRUST_PROXY',
    ),
  ]
}
