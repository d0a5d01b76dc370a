import { setTimeout as delay } from 'node:timers/promises'
import type { TruthClient } from './truth-client.ts'

const LIFE_MS = 1_200
const DOWN_MS = 300

/** Ends a client and starts it again with its store, until `stop`: killed and closed in turn. */
export function reloadRepeatedly(client: TruthClient | undefined): { stop(): Promise<void> } {
  const controller = new AbortController()
  const { signal } = controller
  const reloading = (async () => {
    for (let time = 0; client !== undefined; time++) {
      await delay(LIFE_MS, undefined, { signal })
      if (time % 2 === 0) client.kill()
      else client.close()
      // The last life begins in any case.
      await delay(DOWN_MS)
      client.start()
    }
  })().catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  return {
    async stop() {
      controller.abort()
      await reloading
    },
  }
}
