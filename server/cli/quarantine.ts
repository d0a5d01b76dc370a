import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { DEFAULT_DATA_DIR } from '../config/config.ts'
import { openQuarantine } from '../receiver/quarantine.ts'
import type { Terminal } from './command.ts'

export function addQuarantine(program: Command, terminal: Terminal): void {
  program
    .command('quarantine')
    .description('print authentic webhooks that the gateway did not understand, one JSON document per line')
    .action(() => quarantine(terminal))
}

/** Prints the quarantined webhooks, oldest first. The gateway may be running meanwhile. */
async function quarantine({ environment, print }: Terminal): Promise<void> {
  const dataDir = environment['DATA_DIR'] || DEFAULT_DATA_DIR
  if (!existsSync(join(dataDir, 'quarantine'))) return
  const store = openQuarantine({ dataDir, readOnly: true })
  for (const request of store.list()) print(JSON.stringify(request))
  await store.close()
}
