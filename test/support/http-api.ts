import { withTimeout, waitUntil } from './wait.ts'

/** Sends a GET request to the HTTP API, with a bearer token if one is given. */
export async function get(url: string, path: string, token?: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${path}`, {
    headers: { ...headers, ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
  })
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, body, headers: response.headers }
}

interface StreamEvent {
  readonly event: string
  readonly id?: string
  readonly data: Record<string, unknown>
}

/** Opens a stream of server-sent events. The parser is deliberately independent of the server's code. */
export async function openStream(
  url: string,
  query: string,
  token: string,
  headers: Record<string, string> = {},
) {
  const controller = new AbortController()
  const response = await fetch(`${url}/v1/stream?${query}`, {
    signal: controller.signal,
    headers: { ...headers, Authorization: `Bearer ${token}` },
  })
  const events: StreamEvent[] = []
  let text = ''
  const ended = (async () => {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString()
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) if (!part.startsWith(':')) events.push(parse(part))
    }
  })().catch(() => undefined)
  const named = (name: string) => events.filter(({ event }) => event === name)
  return {
    status: response.status,
    events,
    named,
    seqs: () =>
      named('messages-recalled').flatMap(({ data }) =>
        (data['notices'] as { messages: { seq: number }[] }[]).flatMap(({ messages }) =>
          messages.map(({ seq }) => seq),
        ),
      ),
    first: (name: string) => waitUntil(`the event ${name} arrives`, () => named(name)[0]),
    ended: () => withTimeout('the stream ends', ended),
    close: () => controller.abort(),
  }
}

function parse(part: string): StreamEvent {
  const fields = new Map(
    part.split('\n').map((line) => [line.split(': ', 1)[0] ?? '', line.slice(line.indexOf(': ') + 2)]),
  )
  const id = fields.get('id')
  return {
    event: fields.get('event') ?? '',
    ...(id !== undefined && { id }),
    data: JSON.parse(fields.get('data') ?? 'null') as Record<string, unknown>,
  }
}
