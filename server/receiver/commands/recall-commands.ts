import { c2cRecall } from './c2c-recall.ts'
import { groupRecall } from './group-recall.ts'
import { officialAccountRecall } from './official-account-recall.ts'
import type { RecallCommand } from './recall-command.ts'

/** All commands that tell of recalls. */
export const RECALL_COMMANDS: readonly RecallCommand[] = [groupRecall, c2cRecall, officialAccountRecall]

const byName = new Map(RECALL_COMMANDS.map((command) => [command.name, command]))

/** Returns undefined for any other command. */
export const recallCommand = (name: string): RecallCommand | undefined => byName.get(name)
