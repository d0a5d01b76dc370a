import { expect } from 'chai'
import { roomOf, sinceOf } from '../../shared/client/arguments.ts'
import type { Position } from '../../shared/position.ts'

const at = (offset: number, epoch = 'e'): Position => ({ epoch, offset })
const room = { group: 'g' }

describe('the arguments of `subscribe`', () => {
  it('name a room in one spelling', () => {
    const spellings: [unknown, unknown][] = [
      [{ group: 'g', topic: undefined }, room],
      [{ group: 'g', topic: null, feed: false }, room],
      [{ group: 'g', topic: '' }, room],
      [
        { group: 5, topic: 't' },
        { group: '5', topic: 't' },
      ],
      [{ feed: true, group: undefined }, { feed: true }],
      [{ c2c: ['b', 'a'], group: '' }, { c2c: ['a', 'b'] }],
      [{ c2c: [7, 'a'] }, { c2c: ['7', 'a'] }],
      [{ official: 'o', c2c: null, feed: false }, { official: 'o' }],
    ]
    for (const [value, expected] of spellings) expect(roomOf(value)).to.deep.equal(expected)
  })

  it('throw a TypeError at once if they are wrong, which names what is wrong', () => {
    const wrong: [unknown, string][] = [
      [
        'g',
        'a room is { group }, { group, topic }, { c2c: [user, user] }, { official } or { feed: true }, not "g"',
      ],
      [undefined, 'not undefined'],
      [{}, '`group` is missing'],
      [{ topic: 't' }, '`group` is missing'],
      [{ group: 'g', topc: 't' }, '`topc` is none of them'],
      [{ feed: 'yes' }, '`feed` is "yes"'],
      [{ feed: true, group: 'g' }, 'not the feed and a group'],
      [{ c2c: ['a', 'b'], official: 'o' }, 'not c2c and official'],
      [{ c2c: ['a', 'b'], topic: 't' }, 'not a group and c2c'],
      [{ c2c: ['a'] }, '`c2c` is an array'],
      [{ c2c: 'ab' }, '`c2c` is "ab"'],
      [{ c2c: ['a', ''] }, '`c2c` of a room is printable text'],
      [{ official: {} }, '`official` of a room is printable text'],
      [{ group: 5n }, 'printable text of 1 to 256 bytes, not a value of type bigint'],
      [{ group: 'g'.repeat(257) }, 'not a text of 257 characters'],
      [{ group: 'g', topic: '\u0000' }, '`topic` of a room is printable text'],
    ]
    for (const [value, text] of wrong) expect(() => roomOf(value)).to.throw(TypeError, text)
    const bad = [
      at(-1),
      at(0.5),
      at(2 ** 53),
      at(1, ''),
      at(1, 'e'.repeat(65)),
      { offset: 1 },
      { epoch: 'e' },
      'x',
      7,
    ]
    for (const value of bad)
      expect(() => sinceOf(value), JSON.stringify(value)).to.throw(TypeError, '`since` is { epoch, offset }')
    expect(() => sinceOf(at(-1))).to.throw('not { epoch: "e", offset: -1 }')
    expect(sinceOf({ ...at(1), more: 2 })).to.deep.equal(at(1))
    expect(sinceOf(undefined)).to.equal(undefined)
  })
})
