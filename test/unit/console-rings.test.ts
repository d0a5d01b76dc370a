import { expect } from 'chai'
import type { NoticeRow } from '../../server/console/state/feed.ts'
import { parseRule } from '../../server/console/state/ring-rules.ts'
import type { RingRule } from '../../server/console/state/ring-rules.ts'
import { Rings } from '../../server/console/state/rings.ts'
import { tagOf } from '../../server/console/state/rung.ts'
import { FEED } from '../../shared/room.ts'

const RULE: RingRule = { name: 'all', q: '', coolDownS: 30, hasSound: true, notifies: true }
const BURST = { count: 3, unit: 'recalls', withinS: 60, per: 'operator' } as const

describe('rings of the console', () => {
  let nowMs: number
  let offset: number
  let rang: string[]
  let rings: Rings
  let stored: { rules: string | null; rung: string | null }

  const storeOf = (name: 'rules' | 'rung') => ({
    get: () => stored[name],
    set: (text: string) => void (stored[name] = text),
  })
  const open = (): Rings =>
    new Rings({
      stores: { rules: storeOf('rules'), rung: storeOf('rung') },
      now: () => nowMs,
      onRing: ({ rule, burst }) =>
        rang.push(burst === undefined ? rule : `${rule} ${burst.of} ${burst.count}`),
      onChange: () => undefined,
    })
  /** A recall that the gateway received `agoMs` ago; it arrives now unless it is read from the log. */
  const recall = (operator = 'ann', agoMs = 0, isRead = false): NoticeRow => ({
    kind: 'notice',
    room: FEED,
    epoch: 'e',
    notice: {
      group: operator === 'bot' ? 'bots' : 'lobby',
      operator,
      messages: [{ seq: ++offset }, { seq: 1_000 + offset }],
      offset,
      recalledAtMs: nowMs - agoMs,
      receivedAtMs: nowMs - agoMs,
    },
    ...(isRead ? {} : { seenAtMs: nowMs }),
  })

  beforeEach(() => {
    nowMs = 1_000_000_000
    offset = 0
    rang = []
    stored = { rules: null, rung: null }
    rings = open()
    rings.onRows([recall('ann', 5_000, true)])
  })

  it('replace none of earlier ones in the notifications of the browser, whose ids may be the same', () => {
    const tags: string[] = []
    for (let tab = 0; tab < 2; tab++) {
      stored.rung = null
      rings = open()
      rings.setRule(RULE)
      rings.onRows([recall()])
      tags.push(...rings.rings.map(tagOf))
      nowMs += 60_000
    }
    expect(new Set(tags).size).to.equal(2)
  })

  it('are of what matches, once in each cool-down, and what follows is added to them', () => {
    rings.setRule({ ...RULE, q: '-operator:bot' })
    rings.onRows([recall('bot'), recall(), recall()])
    nowMs += 29_999
    rings.onRows([recall()])
    expect(rang).to.deep.equal(['all'])
    expect(rings.rings.map(({ recalls, rung }) => [recalls, rung.length])).to.deep.equal([[3, 3]])
    nowMs += 1
    rings.onRows([recall()])
    expect(rang).to.deep.equal(['all', 'all'])
    expect(rings.unseen).to.have.lengthOf(2)
    rings.markSeen()
    expect(rings.unseen).to.have.lengthOf(0)
  })

  it('do not ring for what was there before, and not twice for the same', () => {
    rings.setRule({ ...RULE, coolDownS: 1 })
    const same = recall()
    rings.onRows([recall('ann', 1, true), same])
    nowMs += 60_000
    // Told again, as after a loss of its log, and read again, as after a gap.
    rings.onRows([same, { ...same, epoch: 'f' }])
    expect(rang).to.deep.equal(['all'])
  })

  it('ring after a reload for what was missed meanwhile, together, and for nothing else', () => {
    rings.setRule({ ...RULE, coolDownS: 1 })
    const before = recall()
    rings.onRows([before])
    rings.markSeen()
    rings.save()
    nowMs += 60_000
    rings = open()
    expect(rings.unseen).to.have.lengthOf(0)
    const missed = [recall('ann', 50_000, true), recall('ann', 40_000, true)]
    const { seenAtMs: _, ...beforeFromLog } = before
    rings.onRows([recall('ann', 120_000, true), beforeFromLog, ...missed])
    expect(rings.rings.map(({ recalls, isLate }) => [recalls, isLate])).to.deep.equal([
      [2, true],
      [1, false],
    ])
    expect(rang).to.have.lengthOf(2)
    rings.onRows([recall()])
    expect(rang).to.have.lengthOf(2)
  })

  it('ring once, and for what was missed, also in a page that ended without notice', () => {
    rings.setRule({ ...RULE, coolDownS: 1 })
    const before = recall()
    rings.onRows([before])
    nowMs += 60_000
    rings = open()
    expect(rings.unseen).to.have.lengthOf(1)
    const { seenAtMs: _, ...beforeFromLog } = before
    rings.onRows([beforeFromLog, recall('ann', 10_000, true)])
    expect(rang).to.have.lengthOf(2)
    expect(rings.rings.map(({ recalls }) => recalls)).to.deep.equal([1, 1])
  })

  it('do not ring again after a reload because the clock of the gateway seemed to be behind', () => {
    rings.setRule({ ...RULE, coolDownS: 1 })
    const before = recall('ann', -2_000)
    rings.onRows([before])
    rings.save()
    nowMs += 60_000
    rings = open()
    const { seenAtMs: _, ...beforeFromLog } = before
    rings.onRows([beforeFromLog])
    expect(rang).to.have.lengthOf(1)
    expect(rings.rings.map(({ recalls }) => recalls)).to.deep.equal([1])
  })

  it('are of bursts by each operator, wherever their recalls come from', () => {
    rings.setRule({ ...RULE, burst: BURST, coolDownS: 60 })
    rings.onRows([recall('ann'), recall('bob'), recall('ann'), recall('bob')])
    nowMs += 60_000
    // Too late for the others.
    rings.onRows([recall('ann')])
    expect(rang).to.deep.equal([])
    rings.onRows([recall('bob', 30_000, true), recall('bob', 20_000, true), recall('bob')])
    rings.onRows([recall('bob'), recall('ann'), recall('ann')])
    expect(rang).to.deep.equal(['all bob 3', 'all ann 3'])
    expect(rings.rings.map(({ recalls, burst }) => [recalls, burst?.count])).to.deep.equal([
      [1, 3],
      [2, 4],
    ])
    for (let more = 0; more < 100; more++) rings.onRows([recall('bob')])
    expect(rang, 'added to the ring').to.have.lengthOf(2)
    expect(rings.rings.at(-1)?.burst?.count, 'however many').to.equal(104)
  })

  it('count messages where a rule says so, and nothing without an operator as a burst of somebody', () => {
    rings.setRule({ ...RULE, burst: { ...BURST, count: 4, unit: 'messages' } })
    const { operator: _, ...nobody } = { ...recall().notice, operator: undefined }
    rings.onRows([recall(), { ...recall(), notice: { ...nobody, offset: 90 } }])
    expect(rang).to.deep.equal([])
    rings.onRows([recall()])
    expect(rang).to.deep.equal(['all ann 4'])
    rings.onRows([recall()])
    expect(rings.rings[0]?.burst?.count).to.equal(6)
  })

  it('go by the rules that another tab has stored, and lose none of them', () => {
    const other = open()
    rings.setRule({ ...RULE, name: 'one' })
    other.setRule({ ...RULE, name: 'two' })
    rings.readRules()
    expect(rings.rules.map(({ name }) => name)).to.deep.equal(['one', 'two'])
    rings.onRows([recall()])
    expect(rang).to.have.members(['one', 'two'])
    expect(rings.setRule({ ...RULE, name: 'renamed' }, 'one')).to.equal(true)
    expect(rings.rules.map(({ name }) => name)).to.deep.equal(['two', 'renamed'])
  })

  it('say whether all of their recalls are by the same operator, in the same conversation', () => {
    rings.setRule(RULE)
    rings.onRows([recall('ann'), recall('ann')])
    expect(rings.rings[0]).to.include({ hasOthers: false, isElsewhere: false })
    rings.onRows([recall('bob')])
    expect(rings.rings[0]).to.include({ hasOthers: true, isElsewhere: false })
    rings.onRows([recall('bot')])
    rings.save()
    expect(open().rings[0]).to.include({ hasOthers: true, isElsewhere: true, recalls: 4 })
  })

  it('are listed without noise when they were cleared away in their quiet time', () => {
    rings.setRule(RULE)
    rings.onRows([recall()])
    rings.clear()
    rings.onRows([recall(), recall()])
    expect(rang).to.have.lengthOf(1)
    expect(rings.rings.map(({ recalls }) => recalls)).to.deep.equal([2])
    nowMs += 30_000
    rings.onRows([recall()])
    expect(rang).to.have.lengthOf(2)
  })

  it('ring for what was missed although the clock of a receiver is ahead', () => {
    rings.setRule({ ...RULE, coolDownS: 1 })
    rings.onRows([recall('ann', -3_600_000)])
    rings.save()
    nowMs += 60_000
    rings = open()
    rings.onRows([recall('ann', 30_000, true)])
    expect(rang).to.have.lengthOf(2)
  })

  it('stay bounded, and so does what they remember', () => {
    rings.setRule({ ...RULE, coolDownS: 1, burst: { ...BURST, count: 1 } })
    for (let i = 0; i < 1_500; i++) rings.onRows([recall(`user ${i}`)])
    expect(rang).to.have.lengthOf(1_500)
    expect(rings.rings).to.have.lengthOf(200)
    rings.onRows(Array.from({ length: 100 }, () => recall('user 1499')))
    expect(rings.rings[0]?.recalls).to.equal(101)
    expect(rings.rings[0]?.rung).to.have.lengthOf(20)
    for (let i = 0; i < 25; i++) rings.setRule({ ...RULE, name: `rule ${i}` })
    expect(rings.rules).to.have.lengthOf(20)
  })

  it('keep their rules, and take none that they cannot read', () => {
    expect(rings.setRule({ ...RULE, q: 'unknown:x' })).to.equal(false)
    expect(rings.setRule({ ...RULE, burst: BURST })).to.equal(true)
    expect(open().rules).to.deep.equal([{ ...RULE, burst: BURST }])
    stored.rules = JSON.stringify([{ ...RULE, coolDownS: 0 }, 1, RULE])
    expect(open().rules).to.deep.equal([RULE])
    for (const wrong of [
      null,
      { ...RULE, name: ' ' },
      { ...RULE, q: 'x:y' },
      { ...RULE, coolDownS: 1.5 },
      { ...RULE, burst: { ...BURST, per: 'x' } },
      { ...RULE, burst: { ...BURST, withinS: 1e9 } },
    ])
      expect(parseRule(wrong)).to.equal(undefined)
    stored.rung = '{"rings":[{"id":1},null],"seenId":"x"}'
    expect(open().rings).to.deep.equal([])
    stored.rung = 'x'
    expect(open().rings).to.deep.equal([])
  })
})
