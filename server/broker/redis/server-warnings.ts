import type { Logger } from '../../telemetry/logger.ts'
import type { Connection } from './connection/connection.ts'

/** A server that has saved nothing for this long has no schedule for it: the default is an hour at most. */
const UNSAVED_MS = 2 * 3_600_000

interface WarningsDependencies {
  readonly commands: Pick<Connection['client'], 'info' | 'config'>
  /** Whether the gateway has the rights of the default user. Others would only leave traces in the log of the server. */
  readonly mayReadConfig: boolean
  readonly log: Logger
}

/**
 * Looks for settings of Redis that can lose recalled sets and positions silently: evicting keys when memory is full, or not
 * persisting. Only warnings, because managed servers may hide these settings.
 */
export function createServerWarnings({ commands, mayReadConfig, log }: WarningsDependencies) {
  let warnings: readonly string[] = []

  return {
    current: () => warnings,

    /** Never rejects. Logs what is new. */
    async check(): Promise<void> {
      const [memory, persistence] = await Promise.all([infoOf('memory'), infoOf('persistence')])
      const isUnsaved = persistence !== undefined && (await savesNothing(persistence))
      const found = [
        evictionIn(memory),
        isUnsaved ? 'Redis does not persist: set appendonly to yes' : undefined,
      ]
      const current = found.filter((warning) => warning !== undefined)
      for (const warning of current)
        if (!warnings.includes(warning)) log.warn({ warning }, 'Redis may lose data')
      warnings = current
    },
  }

  async function infoOf(section: string): Promise<string | undefined> {
    return commands.info(section).catch(() => undefined)
  }

  async function savesNothing(persistence: string): Promise<boolean> {
    if (fieldOf(persistence, 'aof_enabled') !== '0') return false
    const schedule = mayReadConfig ? await commands.config('GET', 'save').catch(() => undefined) : undefined
    if (Array.isArray(schedule) && schedule.length === 2) return schedule[1] === ''
    const savedS = Number(fieldOf(persistence, 'rdb_last_save_time') ?? NaN)
    const changes = Number(fieldOf(persistence, 'rdb_changes_since_last_save') ?? 0)
    return changes > 0 && Date.now() - savedS * 1_000 > UNSAVED_MS
  }
}

function evictionIn(memory: string | undefined): string | undefined {
  const policy = memory && fieldOf(memory, 'maxmemory_policy')
  if (policy === undefined || policy === '' || policy === 'noeviction') return undefined
  return `Redis may evict the gateway's data (${policy}): set maxmemory-policy to noeviction`
}

const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1]
