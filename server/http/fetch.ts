const WITHIN_MS = 2_000

interface BoundedOptions extends Omit<RequestInit, 'signal' | 'redirect'> {
  /** Longest answer, in bytes. */
  readonly atMostBytes: number
}

/** Asks another server: two seconds at most, no redirects, and no more of the answer than it can need. */
export async function fetchBounded(
  url: string | URL,
  { atMostBytes, ...options }: BoundedOptions,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, {
    ...options,
    redirect: 'error',
    signal: AbortSignal.timeout(WITHIN_MS),
  })
  let bytes = 0
  const parts: Uint8Array[] = []
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > atMostBytes) throw new Error(`the answer is larger than ${atMostBytes} bytes`)
    parts.push(part)
  }
  return { status: response.status, text: Buffer.concat(parts).toString() }
}
