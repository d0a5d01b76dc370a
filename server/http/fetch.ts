import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'

const TIMEOUT_MS = 2_000
/**
 * How long one address of a name may take to connect before the next one is tried. Node gives up the first after 250 ms: a server
 * on another continent that also has an address that leads nowhere, as IPv6 often does, could then never be reached.
 */
const ADDRESS_TIMEOUT_MS = 1_250

// `fetch` itself has no option for it.
setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_TIMEOUT_MS)

interface BoundedOptions extends Omit<RequestInit, 'signal' | 'redirect'> {
  /** Maximum size of the response. */
  readonly maxBytes: number
  /** For the whole exchange. Default: 2,000. */
  readonly timeoutMs?: number
}

/** The server has answered, but with more than is read. */
export class ResponseTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`the response is larger than ${maxBytes} bytes`)
  }
}

/**
 * Sends a request to another server with bounds: 2 s for the whole exchange unless told otherwise, no redirects, and a maximum size of the response.
 * Rejects beyond them, with `ResponseTooLarge` if the response is.
 */
export async function fetchBounded(
  url: string | URL,
  { maxBytes, timeoutMs = TIMEOUT_MS, ...options }: BoundedOptions,
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const response = await fetch(url, {
    ...options,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  let bytes = 0
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new ResponseTooLarge(maxBytes)
    chunks.push(chunk)
  }
  // Without a byte order mark, which no parser of JSON takes.
  const text = new TextDecoder().decode(Buffer.concat(chunks))
  return { status: response.status, headers: response.headers, text }
}
