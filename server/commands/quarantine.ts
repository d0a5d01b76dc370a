import { openQuarantine } from '../receiver/quarantine-store.ts'
import type { Terminal } from './terminal.ts'

/** Prints what stands in the quarantine, oldest first, one JSON document a line. The gateway may run meanwhile. */
export async function quarantine({ environment, print }: Terminal): Promise<void> {
  const store = openQuarantine({ dataDir: environment['DATA_DIR'] || './data' })
  for (const request of store.list()) print(JSON.stringify(request))
  await store.close()
}
