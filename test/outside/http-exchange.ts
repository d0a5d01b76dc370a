import { openRaw } from '../support/raw-connection.ts'

interface HttpResponse {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** The responses at the start of the text, interim ones too. Throws on what is no response. */
function parseResponses(text: string, isHead = false): HttpResponse[] {
  const responses: HttpResponse[] = []
  for (let rest = text; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) break
    const head = rest.slice(0, end)
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
    if (Number.isNaN(status)) throw new Error(`no response: ${JSON.stringify(rest)}`)
    rest = rest.slice(end + 4)
    const hasBody = status >= 200 && status !== 204 && status !== 304 && !isHead
    const body = hasBody ? takeBody(head, rest) : { text: '', length: 0 }
    if (body === undefined) break
    rest = rest.slice(body.length)
    responses.push({ status, head, body: body.text })
  }
  return responses
}

/** Returns the body at the start of the text, and the number of bytes it takes there; undefined if it is not complete. */
function takeBody(head: string, text: string): { text: string; length: number } | undefined {
  if (!/^transfer-encoding: chunked\r?$/im.test(head)) {
    const length = Number(/^content-length: (\d+)\r?$/im.exec(head)?.[1] ?? 0)
    return text.length < length ? undefined : { text: text.slice(0, length), length }
  }
  let body = ''
  for (let at = 0; ;) {
    const line = text.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(text.slice(at, line), 16)
    at = line + 2
    if (text.length < at + size + 2) return undefined
    body += text.slice(at, at + size)
    at += size + 2
    if (size === 0) return { text: body, length: at }
  }
}

const LAST = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'

/**
 * Sends the bytes in these parts, and after the first final response one more request, if the connection is still open then:
 * whatever the node takes for another request is answered before it, too. Resolves with all responses once the connection
 * has ended.
 */
export async function exchange(port: number, parts: readonly string[]) {
  const connection = await openRaw(port, { allowHalfOpen: true })
  const isHead = parts[0]?.startsWith('HEAD ') ?? false
  const hasAnswer = (text: string): boolean =>
    parseResponses(text, isHead).some(({ status }) => status >= 200)
  try {
    for (const part of parts) {
      connection.send(part)
      if (parts.length > 1) await new Promise(setImmediate)
    }
    await connection.until(hasAnswer)
    const isOpen = !connection.isClosed()
    if (isOpen) connection.send(LAST)
    await connection.closed()
    return parseResponses(connection.received(), isHead)
  } finally {
    connection.destroy()
  }
}
