import { expect } from 'chai'
import { judgePersistence } from '../../server/broker/redis/persistence.ts'
import type { ServerSettings } from '../../server/broker/redis/server-settings.ts'

const NOW_MS = 1_700_000_000_000
const SNAPSHOTS: ServerSettings = {
  save: '3600 1 300 100 60 10000',
  appendfsync: 'everysec',
  syncsDuringRewrite: true,
}
const infoOf = (fields: Readonly<Record<string, string | number>>): string =>
  Object.entries({ loading: 0, ...fields })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')
const APPENDING = infoOf({ aof_enabled: 1, aof_last_write_status: 'ok' })
const NOT_APPENDING = infoOf({ aof_enabled: 0, rdb_last_bgsave_status: 'ok' })

describe('what a power cut costs', () => {
  const ROWS: Readonly<
    Record<
      string,
      {
        info: string | undefined
        settings?: Partial<ServerSettings>
        waits?: boolean
        expected: [loss: string, words?: string]
      }
    >
  > = {
    'always synced': { info: APPENDING, settings: { appendfsync: 'always' }, expected: ['nothing'] },
    'synced each second': {
      info: APPENDING,
      settings: {},
      expected: ['seconds', 'everysec: a power cut forgets up to two seconds'],
    },
    'synced by the system': {
      info: APPENDING,
      settings: { appendfsync: 'no' },
      expected: ['minutes', 'appendfsync is no'],
    },
    'waited for': { info: APPENDING, settings: {}, waits: true, expected: ['nothing'] },
    'waited for, and settings are hidden': { info: APPENDING, waits: true, expected: ['nothing'] },
    'settings are hidden': { info: APPENDING, expected: ['unknown', 'CONFIG GET'] },
    'not synced during rewrites': {
      info: APPENDING,
      settings: { appendfsync: 'always', syncsDuringRewrite: false },
      expected: ['minutes', 'no-appendfsync-on-rewrite'],
    },
    'not synced during rewrites, but waited for': {
      info: APPENDING,
      settings: { syncsDuringRewrite: false },
      waits: true,
      expected: ['nothing'],
    },
    'the file cannot be written': {
      info: infoOf({ aof_enabled: 1, aof_last_write_status: 'err' }),
      settings: { appendfsync: 'always' },
      expected: ['minutes', 'aof_last_write_status'],
    },
    'snapshots alone': { info: NOT_APPENDING, settings: {}, expected: ['minutes', 'snapshots alone'] },
    // A restart with `appendonly yes` in the settings alone ignores the snapshot.
    'snapshots alone, which a restart must not lose': {
      info: NOT_APPENDING,
      settings: {},
      expected: ['minutes', 'with CONFIG SET on the running Redis, then CONFIG REWRITE'],
    },
    'snapshots that fail': {
      info: infoOf({ aof_enabled: 0, rdb_last_bgsave_status: 'err' }),
      settings: {},
      expected: ['minutes', 'rdb_last_bgsave_status'],
    },
    'no snapshots either': {
      info: NOT_APPENDING,
      settings: { save: '' },
      expected: ['everything', 'does not persist'],
    },
    'nothing saved for hours, and settings are hidden': {
      info: infoOf({
        aof_enabled: 0,
        rdb_changes_since_last_save: 5,
        rdb_last_save_time: NOW_MS / 1_000 - 3 * 3_600,
      }),
      expected: ['everything', 'does not persist'],
    },
    'the server tells nothing': { info: undefined, expected: ['unknown', 'INFO persistence'] },
    'the server tells of something else': { info: infoOf({}), expected: ['unknown', 'INFO persistence'] },
  }

  for (const [name, { info, settings, waits = false, expected }] of Object.entries(ROWS))
    it(`is said in one sentence, with what to change: ${name}`, () => {
      const { loss, sentence } = judgePersistence({
        info,
        settings: settings && { ...SNAPSHOTS, ...settings },
        waitsForSync: waits,
        nowMs: NOW_MS,
      })
      const [expectedLoss, words] = expected
      expect(loss).to.equal(expectedLoss)
      if (words === undefined) expect(sentence).to.equal(undefined)
      // It must fit into a heartbeat.
      else
        expect(sentence)
          .to.include(words)
          .and.match(/: (set|see) [^:]+$/)
          .and.have.length.below(300)
    })
})
