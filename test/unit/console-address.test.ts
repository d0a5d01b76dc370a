import { expect } from 'chai'
import { formatFragment, parseFragment } from '../../server/console/state/place.ts'
import type { Parts } from '../../server/console/state/place.ts'
import { FEED } from '../../shared/room.ts'

describe('addresses of the console', () => {
  it('hold a view and its parts, and are read as they were written', () => {
    const parts: Parts = {
      q: 'group:lobby,"a & b" -topic:新闻 seq:130,200-210 received>=2026-11-27T10:00Z #x=y?',
      open: { room: { group: 'a@b', topic: ':' }, epoch: 'e:@1', offset: 12 },
      room: { c2c: ['ann', 'zoe'] },
      names: '1-10,12',
    }
    const fragment = formatFragment('feed', parts)
    expect(parseFragment(fragment)).to.deep.equal({ view: 'feed', parts, problems: [] })
    // As browsers show and send it.
    expect(new URL(`http://x/#${fragment}`).hash).to.equal(`#${fragment.replaceAll('>', '%3E')}`)
    const plain = { q: 'group:lobby -bot', open: { room: FEED, epoch: 'e1', offset: 3 } }
    expect(formatFragment('feed', plain)).to.equal('feed?q=group:lobby+-bot&open=feed@e1:3')
  })

  it('end with no sign that chats take for the end of a sentence, and have none of their marks', () => {
    for (const q of [
      'group:lobby!',
      'group:lobby.',
      'room (1)',
      "it's",
      '*bot*',
      'a-',
      'a_',
      'a~',
      'x:',
      'x,',
      'x ',
      'x+',
    ]) {
      const address = `https://x.example/#${formatFragment('feed', { q })}`
      expect(address, q)
        .to.match(/[A-Za-z0-9]$/)
        .and.not.match(/[!'()*]/)
      expect(parseFragment(new URL(address).hash.slice(1)).parts, q).to.deep.equal({ q })
    }
  })

  it('leave out what is empty, and half characters', () => {
    expect(formatFragment('rooms', { q: '' })).to.equal('rooms')
    expect(formatFragment('rooms', { q: 'a\uD800' })).to.equal('rooms?q=a%EF%BF%BD')
  })

  it('say what is wrong with them, and show the rest', () => {
    const read = (fragment: string) => {
      const { view, parts, problems } = parseFragment(fragment)
      return [view, parts, problems.map(({ kind, text }) => `${kind} ${text.slice(0, 20)}`)]
    }
    expect(read('')).to.deep.equal([undefined, {}, []])
    expect(read('feed?q=a')).to.deep.equal(['feed', { q: 'a' }, []])
    expect(read('nowhere?q=a')).to.deep.equal([undefined, { q: 'a' }, ['view nowhere']])
    expect(read('feed?x=1&__proto__=2')).to.deep.equal(['feed', {}, ['part x', 'part __proto__']])
    expect(read('feed?q=1&q=2')).to.deep.equal(['feed', { q: '1' }, ['twice q']])
    expect(read(`feed?q=${'x'.repeat(1_001)}`)).to.deep.equal(['feed', {}, [`value q=${'x'.repeat(18)}`]])
    expect(read('x'.repeat(17_000))).to.deep.equal([undefined, {}, [`length ${'x'.repeat(20)}`]])
    const wrong = [
      'feed@e:0',
      'feed@:1',
      'feed@e',
      '@e:1',
      'group:%@e:1',
      'feed@e:1.5',
      'feed@e:99999999999999999',
    ]
    for (const open of wrong) {
      expect(read(`feed?open=${encodeURIComponent(open)}`)[1], open).to.deep.equal({})
    }
    expect(read('rooms?since=2026-02-30T10:00:00.000Z')[2]).to.deep.equal(['value since=2026-02-30T10:'])
    // Half an escape is read as it stands.
    expect(read('feed?q=%E4%')[0]).to.equal('feed')
  })
})
