import { expect } from 'chai'
import { isSame, witnessOf } from '../../server/realtime/rooms/evidence.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { Notice } from '../../shared/notice.ts'

const noticeIn = (where: Conversation): Notice => ({
  ...where,
  offset: 1,
  messages: [where.group === undefined ? { key: '1' } : { seq: 1 }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})

describe('what a room knows of its log', () => {
  it('tells apart recalls of the same message name and time in different conversations', () => {
    const notices = [
      { c2c: ['a', 'b'] },
      { c2c: ['a', 'c'] },
      { official: 'a' },
      { official: 'b' },
      { group: 'a' },
      { group: 'a', topic: 'b' },
    ].map((where) => noticeIn(where as Conversation))
    for (const one of notices)
      for (const other of notices) {
        expect(isSame(one, other)).to.equal(one === other)
        expect(witnessOf(one).digest === witnessOf(other).digest).to.equal(one === other)
      }
    expect(isSame(noticeIn({ official: 'a' }), noticeIn({ official: 'a' }))).to.equal(true)
  })
})
