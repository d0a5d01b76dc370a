import { createHash } from 'node:crypto'
import type { EvidenceEntry } from '../history/evidence.ts'
import { BASE_MS, ended, fault, itJudges, room, SHAPE, withToo } from './right-history.ts'
import type { Timed } from './right-history.ts'

const digestOf = (offset: number): string => createHash('sha256').update(`entry ${offset}`).digest('hex')

/** A log of so many entries with the right links, each told 20 ms after it was sent, or never. */
function log(length: number, { isTold } = { isTold: true }): EvidenceEntry[] {
  let link = 'epoch e'
  return Array.from({ length }, (_, i) => {
    const offset = i + 1
    const keptAtMs = BASE_MS + offset
    const covered = `${link}:${offset}:${keptAtMs}::${digestOf(offset)}`
    link = createHash('sha1').update(covered).digest('hex')
    return {
      offset,
      keptAtMs,
      subset: '',
      digest: digestOf(offset),
      link,
      ...(offset === 1 && { epoch: 'e' }),
      recall: { group: 'g', seqs: [offset], recalledAtMs: BASE_MS + offset },
      ...(isTold && { toldAtMs: BASE_MS + 20 + offset }),
    }
  })
}

const taken = (atMs: number, entries: readonly EvidenceEntry[], more = {}): Timed => [
  atMs,
  {
    kind: 'evidence',
    room,
    askedAtMs: atMs,
    status: 200,
    verdict: 'verified',
    isComplete: true,
    epoch: 'e',
    entries,
    ...more,
  },
]
const LAST = { isLast: true }
const last = (entries: readonly EvidenceEntry[], more = {}): Timed =>
  taken(60_100, entries, { ...LAST, ...more })
const changed = (offset: number, more: Partial<EvidenceEntry>): EvidenceEntry[] =>
  log(2).map((entry) => (entry.offset === offset ? { ...entry, ...more } : entry))
const PROVED = { shape: { ...SHAPE, hasEvidenceKey: true } }
const untold = log(2, { isTold: false })

describe('the judge of what is proved', () => {
  itJudges([
    ['files agree', withToo(taken(10_000, log(1)), last(log(2))), []],
    ['nobody could take evidence', withToo(taken(10_000, log(2))), ['evidence'], PROVED],
    ['a file does not verify', withToo(taken(10_000, [], { verdict: 'x' }), last(log(2))), ['evidence']],
    [
      'a file is refused while something is wrong',
      withToo(taken(3_000, [], { status: 503 }), last(log(2))),
      [],
    ],
    ['a file is refused at the end', withToo(last([], { status: 503 })), ['evidence']],
    ['the last file is not complete', withToo(last(log(2), { isComplete: false })), ['evidence']],
    ['a link does not follow', withToo(last(changed(2, { subset: '0' }))), ['chain']],
    ['an entry is missing', withToo(last(log(3).filter(({ offset }) => offset !== 2))), ['chain']],
    ['the first entries are not there any more', withToo(last(log(2).slice(1))), []],
    ['a chain begins anew', withToo(last([...log(1), { ...log(2)[1], epoch: 'e' } as never])), ['chain']],
    [
      'the log is another one than before',
      withToo(taken(9_000, changed(1, { link: 'x' }).slice(0, 1)), last(log(2))),
      ['chain'],
    ],
    [
      'what follows in the next file has another link before it',
      withToo(taken(9_000, log(1)), last(changed(2, { subset: '0' }).slice(1))),
      ['chain'],
    ],
    ['it was told before it was kept', withToo(last(changed(1, { toldAtMs: BASE_MS }))), ['first told']],
    [
      'it was told before it was kept, by a clock that is wrong',
      withToo(
        [500, { kind: 'clock', process: 'all-1#1', offsetMs: 9 }],
        last(changed(1, { toldAtMs: BASE_MS })),
      ),
      [],
    ],
    [
      'who was told first has changed',
      withToo(taken(9_000, log(2)), last(changed(1, { toldAtMs: BASE_MS + 99 }))),
      ['first told'],
    ],
    ['who was told first is lost', withToo(taken(9_000, log(2)), last(untold)), ['first told']],
    ['nobody noted who was told', withToo(last(untold)), ['first told']],
    ['the process ended before it could note who was told', withToo(ended(2_900), last(untold)), []],
    [
      'Redis has lost who was told',
      withToo(taken(9_000, log(2)), fault(9_500, 'redis emptied'), last(untold)),
      [],
    ],
  ])
})
