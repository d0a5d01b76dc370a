import { expect } from 'chai'
import { createKeys } from '../../server/broker/redis/keys.ts'
import { FEED, parseRoomName, roomName, roomsOf } from '../../shared/room.ts'

describe('rooms', () => {
  it('receive a recall in a topic: the topic room, its group room and the feed', () => {
    expect(roomsOf({ group: 'g', topic: 't' })).to.deep.equal([
      { group: 'g', topic: 't' },
      { group: 'g' },
      FEED,
    ])
  })

  it('receive a recall without a topic: the group room and the feed', () => {
    expect(roomsOf({ group: 'g' })).to.deep.equal([{ group: 'g' }, FEED])
  })

  it('have unique names', () => {
    const tricky = [
      'feed',
      'g',
      'g:t',
      'g%3At',
      'topic:g:t',
      'group:g',
      '*',
      '%2A',
      ' ',
      '',
      '__proto__',
      '{x}',
      '群',
    ]
    const rooms = tricky.flatMap((group) => [{ group }, ...tricky.map((topic) => ({ group, topic }))])
    const names = [FEED, ...rooms].map(roomName)
    expect(new Set(names)).to.have.property('size', names.length)
  })

  it('are found by their names, and by nothing else', () => {
    const rooms = [
      FEED,
      { group: 'g:t @%2A' },
      { group: '群', topic: '*' },
      { c2c: ['ann', 'zoe'] as const },
      { official: '@TOA#_news' },
    ]
    for (const room of rooms) expect(parseRoomName(roomName(room))).to.deep.equal(room)
    expect(parseRoomName('c2c:zoe:ann')).to.deep.equal({ c2c: ['ann', 'zoe'] })
    const wrong = [
      '',
      'feed:x',
      'group',
      'group:',
      'group:%',
      'group:%00',
      'topic:g',
      'c2c:ann',
      'x:y',
      'group:a:b:c',
    ]
    expect(wrong.filter((name) => parseRoomName(name) !== undefined)).to.deep.equal([])
  })

  it('have names without characters that are special in Redis', () => {
    const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join('')
    expect(roomName({ group: printable, topic: printable })).to.match(/^topic:[\w.!~'()%-]+:[\w.!~'()%-]+$/)
  })

  it('of one app share one hash slot in Redis, and a channel gives its room', () => {
    const keys = createKeys('p', '14')
    const room = roomName({ group: '{a}:b' })
    for (const key of [keys.head(room), keys.log(room), keys.channel(room), keys.recalled({ group: '}' })]) {
      expect(/\{(.*?)\}/.exec(key)?.[1]).to.equal('14')
    }
    expect(keys.roomOfChannel(keys.channel(room))).to.equal(room)
    // What is tried out of what Redis allows is about no room.
    expect(keys.roomOfChannel(createKeys('p', '14', ':trial:x').channel(room))).to.equal(undefined)
  })
})
