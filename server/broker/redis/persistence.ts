import type { PowerCutLoss } from '../../../shared/http-api.ts'
import type { ServerSettings } from './server-settings.ts'

/** What Redis would have lost after a power cut, of what it had confirmed; and, unless that is nothing, one sentence for operators. */
export interface Persistence {
  readonly loss: PowerCutLoss
  readonly sentence?: string
}

interface PersistenceFacts {
  /** `INFO persistence`; undefined if the server does not tell. */
  readonly info: string | undefined
  /** Undefined if the user may not read them. */
  readonly settings: ServerSettings | undefined
  /** Whether recalls count as stored only once the append-only file is synced. */
  readonly waitsForSync: boolean
  readonly nowMs: number
}

/** A server that has saved nothing for this long has no schedule for it: the default is an hour at most. */
const UNSAVED_MS = 2 * 3_600_000
const SYNC_ALWAYS = 'set appendfsync to always, or REDIS_WAIT_AOF=1'
/** A Redis that is started with `appendonly yes` for the first time ignores its snapshot, and is empty. */
const APPEND_ALWAYS =
  'set appendonly yes and appendfsync always with CONFIG SET on the running Redis, then CONFIG REWRITE (a restart with changed settings empties it)'

/** Judges what a power cut would cost; pure. */
export function judgePersistence({
  info = '',
  settings,
  waitsForSync,
  nowMs,
}: PersistenceFacts): Persistence {
  const isAppending = fieldOf(info, 'aof_enabled')
  if (isAppending === undefined)
    return {
      loss: 'unknown',
      sentence: `what a power cut costs is unknown, because Redis does not tell whether it persists (INFO persistence): ${APPEND_ALWAYS}`,
    }
  if (isAppending === '0') return withoutAppending(info, settings, nowMs)
  if (fieldOf(info, 'aof_last_write_status') === 'err')
    return {
      loss: 'minutes',
      sentence:
        'Redis cannot write its append-only file (aof_last_write_status): a power cut forgets everything since: see its disk',
    }
  return appending(settings, waitsForSync)
}

function withoutAppending(info: string, settings: ServerSettings | undefined, nowMs: number): Persistence {
  if (savesNothing(info, settings, nowMs))
    return {
      loss: 'everything',
      sentence: `Redis does not persist: a power cut or a restart forgets every recall: ${APPEND_ALWAYS}`,
    }
  const isFailing = fieldOf(info, 'rdb_last_bgsave_status') === 'err'
  const latest = isFailing ? 'one that succeeded, and they fail now (rdb_last_bgsave_status)' : 'one'
  return {
    loss: 'minutes',
    sentence: `Redis persists by snapshots alone: a power cut forgets what was confirmed since the latest ${latest}: ${APPEND_ALWAYS}`,
  }
}

function savesNothing(info: string, settings: ServerSettings | undefined, nowMs: number): boolean {
  if (settings !== undefined) return settings.save === ''
  const savedS = Number(fieldOf(info, 'rdb_last_save_time') ?? NaN)
  const changes = Number(fieldOf(info, 'rdb_changes_since_last_save') ?? 0)
  return changes > 0 && nowMs - savedS * 1_000 > UNSAVED_MS
}

function appending(settings: ServerSettings | undefined, waitsForSync: boolean): Persistence {
  // What is not synced is not confirmed, and goes to the spool.
  if (waitsForSync) return { loss: 'nothing' }
  if (settings?.syncsDuringRewrite === false)
    return {
      loss: 'minutes',
      sentence:
        'no-appendfsync-on-rewrite is yes: while Redis rewrites its append-only file, a power cut forgets what was confirmed since that began: set it to no',
    }
  switch (settings?.appendfsync) {
    case 'always':
      return { loss: 'nothing' }
    case 'everysec':
      return {
        loss: 'seconds',
        sentence: `appendfsync is everysec: a power cut forgets up to two seconds of confirmed recalls: ${SYNC_ALWAYS}`,
      }
    case undefined:
      return {
        loss: 'unknown',
        sentence: `what a power cut costs is unknown, because the user may not read appendfsync (CONFIG GET); with everysec, the default, it forgets up to two seconds of confirmed recalls: ${SYNC_ALWAYS}`,
      }
    default:
      return {
        loss: 'minutes',
        sentence: `appendfsync is ${settings?.appendfsync}: a power cut forgets half a minute of confirmed recalls, or more: ${SYNC_ALWAYS}`,
      }
  }
}

/** Returns a field of a reply to INFO. */
export const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1]
