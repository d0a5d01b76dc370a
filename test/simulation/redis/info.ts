/** What INFO tells, beyond the settings. */
export interface Facts {
  readonly version: string
  readonly runId: string
  readonly isReplica: boolean
  readonly isLoading: boolean
  readonly startedAtMs: number
  readonly nowMs: number
  readonly replicas: number
  readonly writes: number
  readonly connections: number
  readonly settings: ReadonlyMap<string, string>
  /** Lines that replace others, or come on top. */
  readonly overrides: Readonly<Record<string, string | number>>
}

type Section = readonly (readonly [name: string, value: string | number])[]

const SECTIONS: Readonly<Record<string, (facts: Facts) => Section>> = {
  Server: ({ version, runId, startedAtMs, nowMs }) => [
    ['redis_version', version],
    ['redis_mode', 'standalone'],
    ['run_id', runId],
    ['uptime_in_seconds', Math.max(0, Math.floor((nowMs - startedAtMs) / 1_000))],
  ],
  Clients: ({ connections }) => [['connected_clients', connections]],
  Memory: ({ settings }) => [
    ['used_memory', 1_000_000],
    ['maxmemory', settings.get('maxmemory') ?? '0'],
    ['maxmemory_policy', settings.get('maxmemory-policy') ?? 'noeviction'],
  ],
  Persistence: ({ isLoading, startedAtMs, writes, settings }) => [
    ['loading', Number(isLoading)],
    ['async_loading', 0],
    ['rdb_changes_since_last_save', writes],
    ['rdb_bgsave_in_progress', 0],
    ['rdb_last_save_time', Math.floor(startedAtMs / 1_000)],
    ['rdb_last_bgsave_status', 'ok'],
    ['aof_enabled', Number(settings.get('appendonly') === 'yes')],
    ['aof_last_bgrewrite_status', 'ok'],
    ['aof_last_write_status', 'ok'],
    ...(isLoading ? ([['loading_eta_seconds', 1]] as const) : []),
  ],
  Replication: ({ isReplica, replicas, writes }) => [
    ['role', isReplica ? 'slave' : 'master'],
    ...(isReplica ? ([['master_link_status', 'up']] as const) : []),
    ['connected_slaves', replicas],
    ['master_repl_offset', writes],
  ],
}

/** Returns the text of INFO: of one section, or of all. Empty for an unknown one. */
export function infoOf(facts: Facts, section: string | undefined): string {
  const overrides = new Map(Object.entries(facts.overrides))
  const isWanted = (name: string): boolean =>
    section === undefined ||
    [name.toLowerCase(), 'all', 'default', 'everything'].includes(section.toLowerCase())
  const parts = Object.entries(SECTIONS).flatMap(([name, linesOf]) => {
    if (!isWanted(name)) return []
    const lines = linesOf(facts).map(([key, value]) => `${key}:${overrides.get(key) ?? value}\r\n`)
    return `# ${name}\r\n${lines.join('')}`
  })
  return parts.join('\r\n')
}
