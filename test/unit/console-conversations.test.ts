import { expect } from 'chai'
import fc from 'fast-check'
import {
  conversationText,
  identityOf,
  isSameConversation,
  kindOf,
  parseConversation,
} from '../../server/console/state/conversations.ts'
import { MAX_KEYS, parseKeys } from '../../server/console/ui/keys.ts'
import type { Conversation } from '../../shared/conversation.ts'

const GROUP = { group: 'a' }
const TOPIC = { group: 'a', topic: 't' }
const C2C = { c2c: ['a', 'b'] } as const
const OFFICIAL = { official: 'a' }
const ALL: readonly Conversation[] = [GROUP, TOPIC, C2C, OFFICIAL]

describe('conversations in the console', () => {
  it('are the same only within one kind, whatever they lack', () => {
    for (const one of ALL)
      for (const other of ALL) expect(isSameConversation(one, other)).to.equal(one === other)
    expect(isSameConversation({ c2c: ['b', 'a'] }, C2C)).to.equal(true)
    expect(isSameConversation({ official: 'b' }, OFFICIAL)).to.equal(false)
    expect(isSameConversation({ c2c: ['a', 'c'] }, C2C)).to.equal(false)
  })

  it('have a kind', () => {
    expect(ALL.map(kindOf)).to.deep.equal(['group', 'group', 'c2c', 'official'])
  })

  it('tell recalls apart, and not the copies of one', () => {
    const recall = { messages: [{ key: 'k' }], recalledAtMs: 5 }
    const others = [
      ...ALL.map((conversation) => ({ ...conversation, ...recall })),
      { ...C2C, messages: [{ key: 'l' }], recalledAtMs: 5 },
      { ...C2C, messages: [{ key: 'k' }, { key: 'l' }], recalledAtMs: 5 },
      { ...C2C, messages: [{ key: 'k' }], recalledAtMs: 6 },
      { ...GROUP, messages: [{ seq: 1 }], recalledAtMs: 5 },
    ]
    expect(new Set(others.map(identityOf)).size).to.equal(others.length)
    const [copy, again] = [1, 2].map((n) => ({ ...C2C, ...recall, receivedAtMs: n, offset: n }))
    expect(copy && identityOf(copy)).to.equal(again && identityOf(again))
  })

  it('are read from what a tab has stored, and nothing else is', () => {
    for (const one of ALL) expect(parseConversation(JSON.parse(JSON.stringify(one)))).to.deep.equal(one)
    expect(parseConversation({ c2c: ['b', 'a'], feed: true })).to.deep.equal(C2C)
    const hostile = [
      { group: '' },
      { group: 'a', topic: 1 },
      { group: { length: 1 } },
      { c2c: ['a'] },
      { c2c: ['a', 'b', 'c'] },
      { c2c: ['a', null] },
      { c2c: 'ab' },
      { official: 'x\n' },
      { feed: true },
    ]
    for (const one of [...hostile, null, [], 'a', 1]) expect(parseConversation(one)).to.equal(undefined)
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = parseConversation(value)
        if (read !== undefined) expect(parseConversation(read)).to.deep.equal(read)
      }),
    )
  })

  it('keep each of two names in an isolate of its own, where there is no markup', () => {
    expect(conversationText({ c2c: ['א', 'b'] })).to.equal('\u2068א\u2069 · b')
    expect([GROUP, TOPIC, OFFICIAL].map(conversationText)).to.deep.equal(['a', 'a t', 'a'])
  })
})

describe('message keys', () => {
  it('are parsed with separators of any kind, each once, and not from anything else', () => {
    expect(parseKeys(' 1_2_3,4_5_6 1_2_3\n7')).to.deep.equal(['1_2_3', '4_5_6', '7'])
    expect(parseKeys('a，b、c')).to.deep.equal(['a', 'b', 'c'])
    for (const text of ['', ' , ', '\u0001', 'x'.repeat(300)]) expect(parseKeys(text)).to.equal(undefined)
    const keys = Array.from({ length: MAX_KEYS + 1 }, (_, i) => `${i}`)
    expect(parseKeys(keys.join())).to.equal(undefined)
    expect(parseKeys(keys.slice(1).join())).to.have.lengthOf(MAX_KEYS)
  })
})
