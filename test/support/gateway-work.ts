import type { Work } from './count-work.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { waitUntil } from './wait.ts'

/** Settings with which a gateway counts its work. */
export const COUNTING = {
  NODE_OPTIONS: `--import=${new URL('count-work.js', import.meta.url).href}`,
} as const

/** Returns what a gateway that was started with `COUNTING` has done so far, and how large its heap is. */
export async function workOf(gateway: GatewayProcess): Promise<Work> {
  const seen = gateway.output().length
  gateway.signal('SIGUSR2')
  const line = await waitUntil(
    'the gateway reports its work',
    () => /\{"work":.*\}\n/.exec(gateway.output().slice(seen))?.[0],
  )
  return (JSON.parse(line) as { work: Work }).work
}
