import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openQuarantine } from '../receiver/quarantine.ts'
import type { Command } from 'commander'
import type { Terminal } from './command.ts'

/** `quarantine`. */
export function addQuarantine(program: Command, terminal: Terminal): void {
  program
    .command('quarantine')
    .description('print the authentic webhooks that the gateway did not understand, one JSON document a line')
    .action(() => quarantine(terminal))
}

/** Prints what stands in the quarantine, oldest first, one JSON document a line. The gateway may run meanwhile. */
async function quarantine({ environment, print }: Terminal): Promise<void> {
  const dataDir = environment['DATA_DIR'] || './data'
  if (!existsSync(join(dataDir, 'quarantine'))) return
  const store = openQuarantine({ dataDir, readOnly: true })
  for (const request of store.list()) print(JSON.stringify(request))
  await store.close()
}
