const TIMEOUT_MS = 2_000

interface BoundedOptions extends Omit<RequestInit, 'signal' | 'redirect'> {
  /** Maximum size of the response. */
  readonly maxBytes: number
}

/**
 * Sends a request to another server with bounds: 2 s for the whole exchange, no redirects, and a maximum size of the response.
 * Rejects beyond them.
 */
export async function fetchBounded(
  url: string | URL,
  { maxBytes, ...options }: BoundedOptions,
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const response = await fetch(url, {
    ...options,
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  let bytes = 0
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`the response is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  // Without a byte order mark, which no parser of JSON takes.
  const text = new TextDecoder().decode(Buffer.concat(chunks))
  return { status: response.status, headers: response.headers, text }
}
