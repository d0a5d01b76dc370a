import fc from 'fast-check'
import { encodePublish } from '../../../../server/broker/redis/publish-call.ts'
import type { SCRIPTS } from '../../../../server/broker/redis/scripts.ts'
import { roomName, roomsOf } from '../../../../shared/room.ts'
import {
  GROUPS,
  KEYS,
  HEADS,
  LOGS,
  OTHERS,
  one,
  oneOf,
  head,
  hash,
  epoch,
  seq,
  time,
  ttlS,
  count,
  call,
  c,
  set,
  SETS,
  CHANNELS,
} from './words.ts'
import type { Call } from './words.ts'

const recall = fc.record({
  conversation: oneOf(...GROUPS),
  seqs: fc.uniqueArray(seq, { minLength: 1, maxLength: 3 }),
  atMs: time,
  isUntimed: fc.boolean(),
})
const publish = fc
  .record({
    recalls: fc.array(recall, { minLength: 1, maxLength: 3 }),
    epoch,
    historySize: oneOf(1, 2, 3),
    ttlsMs: fc.tuple(
      oneOf(60_000, 90_000),
      oneOf(100_000, 200_000),
      oneOf(0, 300_000),
      oneOf(0, 5_000, 10_000),
    ),
    waits: fc.boolean(),
    signature: oneOf('', 's'.repeat(64)),
  })
  .map(({ recalls, epoch: newEpoch, historySize, ttlsMs, waits, signature }): Call => {
    const addressed = recalls.map(({ conversation, seqs, atMs, isUntimed }) => {
      const messages = seqs.map((drawn) => ({ seq: drawn }))
      const made = { ...conversation, messages, recalledAtMs: atMs, receivedAtMs: 5_000 }
      const rooms = roomsOf(made)
      return {
        recall: isUntimed ? { ...made, untimed: true as const } : made,
        rooms,
        names: rooms.map(roomName),
      }
    })
    const encoded = encodePublish(
      addressed,
      { historySize, ttlsMs, waits },
      { keys: KEYS, signatureOf: () => signature },
    )
    return ['recallPublish', encoded.keys.length, ...encoded.keys, newEpoch, ...encoded.arguments.slice(1)]
  })

/** A hash of another kind is among the notes of who was told. */
const TOLD = [...HEADS.slice(0, 1), KEYS.told('one'), KEYS.told('other')]
const note = fc.tuple(one(1, 2, 3, 50), one(10, 20), one(5, 6), one('a', 'b:c'))

/** Each script with arguments as the gateway sends them. */
export const scriptCalls: Readonly<Record<keyof typeof SCRIPTS, fc.Arbitrary<Call>>> = {
  recallPublish: publish,
  recallHistory: oneOf(0, 1, 2, 3).chain((i) =>
    call(
      'recallHistory',
      c(2),
      c(HEADS[i] ?? ''),
      c(LOGS[i] ?? ''),
      one(0, 1, 2, 5, -1),
      count,
      epoch,
      ttlS,
      c(50),
      epoch,
    ),
  ),
  recallHistoryBefore: oneOf(0, 1, 2, 3).chain((i) =>
    call(
      'recallHistoryBefore',
      c(2),
      c(HEADS[i] ?? ''),
      c(LOGS[i] ?? ''),
      one(0, 1, 2, 3, 100),
      count,
      epoch,
      ttlS,
      c(50),
    ),
  ),
  recallHeads: fc
    .tuple(fc.uniqueArray(head, { minLength: 1 }), epoch, fc.constantFrom(0, 1))
    .map(([heads, newEpoch, renews]): Call => {
      return ['recallHeads', heads.length, ...heads, newEpoch, 1_000, 500, renews]
    }),
  recallExcerpts: fc
    .tuple(fc.uniqueArray(oneOf(0, 1, 2, 3), { minLength: 1 }), epoch, fc.array(one(0, 1, 2, 5, -1)))
    .map(([logs, newEpoch, offsets]): Call => {
      const logKeys = logs.flatMap((i) => [HEADS[i] ?? '', LOGS[i] ?? ''])
      const parts = logs.flatMap((_log, i) => [offsets[2 * i] ?? 1, offsets[2 * i + 1] ?? 2])
      return ['recallExcerpts', logKeys.length, ...logKeys, newEpoch, 1_000, 500, ...parts]
    }),
  recallEntries: oneOf(0, 1, 2, 3).chain((i) =>
    call('recallEntries', c(2), c(HEADS[i] ?? ''), c(LOGS[i] ?? ''), one(0, 1, 2, 5, -1), count),
  ),
  recallTold: fc
    .tuple(fc.uniqueArray(oneOf(0, 1, 2), { minLength: 1 }), one(1, 2, 100), fc.array(note, { minLength: 1 }))
    .map(([rooms, keep, notes]): Call => {
      const names = rooms.map((i) => TOLD[i] ?? '')
      const ofEach = names.flatMap(() => [notes.length, ...notes.flat()])
      return ['recallTold', names.length, ...names, 60_000, keep, ...ofEach]
    }),
  recallNewEpoch: oneOf(0, 1, 2, 3).chain((i) =>
    call('recallNewEpoch', c(2), c(HEADS[i] ?? ''), c(CHANNELS[i] ?? ''), epoch, epoch, one('', 0, 1, 2)),
  ),
  recallEnd: oneOf(0, 1, 2).chain((i) =>
    call(
      'recallEnd',
      c(4),
      c(SETS[i] ?? ''),
      c(HEADS[i] ?? ''),
      c(LOGS[i] ?? ''),
      c(CHANNELS[i] ?? ''),
      time,
      epoch,
      one(0, 300_000),
      c(200_000),
      one(1, 2, 100),
    ),
  ),
  recallAnnounce: call(
    'recallAnnounce',
    c(2),
    c(OTHERS[3] ?? ''),
    c(CHANNELS[0] ?? ''),
    one('x', 'y'),
    one(1, 2),
    ttlS,
  ),
  recallHeartbeat: call(
    'recallHeartbeat',
    c(1),
    c(KEYS.heartbeats),
    one('a', 'b', 'c'),
    one('', 'text', 'a:b'),
    c(600_000),
    one(0, 1, 3),
    c(9_000),
    one(0, 1, 2),
  ),
  recallHeartbeats: call('recallHeartbeats', c(1), c(KEYS.heartbeats), one(600_000, 1e14)),
  recallMark: call(
    'recallMark',
    c(2),
    hash,
    set,
    one(1, 2),
    one('', 1, 2),
    c(86_400_000),
    fc.oneof(seq, c('')),
    time,
    one('value', 'x'),
    one('value', 'x'),
  ),
  recallRights: call('recallRights', c(2), c(KEYS.heartbeats), c('channel')),
}
