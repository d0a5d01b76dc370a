import type { PowerCutLoss } from '../../../shared/http-api.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Connection } from './connection/connection.ts'
import { fieldOf, judgePersistence } from './persistence.ts'
import { readServerSettings } from './server-settings.ts'

/** Trials come more often while something is refused, and settings change seldom. */
const CHECK_INTERVAL_MS = 9_000

interface WarningsDependencies {
  readonly commands: Pick<Connection['client'], 'info' | 'eval' | 'call'>
  /** Any key of the gateway. */
  readonly key: string
  readonly waitsForSync: boolean
  readonly log: Logger
}

/**
 * Looks for settings of Redis that can lose recalled sets and positions silently: evicting keys when memory is full, or what a
 * power cut takes away. Only warnings, because managed servers may hide these settings.
 */
export function createServerWarnings({ commands, key, waitsForSync, log }: WarningsDependencies) {
  let warnings: readonly string[] = []
  let powerCut: PowerCutLoss = 'unknown'
  let checkedAtMs = -Infinity

  return {
    current: () => warnings,
    powerCut: () => powerCut,

    /** To be called for each new connection: it may be to another server. */
    onConnected: () => void (checkedAtMs = -Infinity),

    /** Never rejects. Logs what is new. */
    async check(): Promise<void> {
      if (performance.now() - checkedAtMs < CHECK_INTERVAL_MS) return
      checkedAtMs = performance.now()
      const [memory, info, settings] = await Promise.all([
        infoOf('memory'),
        infoOf('persistence'),
        readServerSettings(commands, key),
      ])
      const { loss, sentence } = judgePersistence({ info, settings, waitsForSync, nowMs: Date.now() })
      const current = [evictionIn(memory), sentence].filter((warning) => warning !== undefined)
      for (const warning of current)
        if (!warnings.includes(warning)) log.warn({ warning }, 'Redis may lose data')
      warnings = current
      powerCut = loss
    },
  }

  async function infoOf(section: string): Promise<string | undefined> {
    return commands.info(section).catch(() => undefined)
  }
}

function evictionIn(memory: string | undefined): string | undefined {
  const policy = memory && fieldOf(memory, 'maxmemory_policy')
  if (policy === undefined || policy === '' || policy === 'noeviction') return undefined
  return `Redis may evict the gateway's data (${policy}): set maxmemory-policy to noeviction`
}
