import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { at, batch, followRoom, never } from '../support/followed-room.ts'

describe('a room that a client follows', () => {
  it('delivers each notice once, even if batches overlap', async () => {
    const { followed, listen, enter } = followRoom()
    const { offsets } = listen(at(2))
    expect(followed.nextRequest()).to.deep.equal({ group: 'g', since: at(2) })
    enter(at(4))
    expect(followed.receive(batch([1, 2, 3]))).to.equal('ok')
    expect(followed.hasRecovered).to.equal(false)
    expect(followed.receive(batch([3, 4, 5]))).to.equal('ok')
    await turn()
    expect(offsets).to.deep.equal([3, 4, 5])
    expect(followed.nextRequest()).to.deep.equal({ group: 'g', since: at(5) })
  })

  it('needs a new subscription at a hole, and under another epoch', () => {
    const { followed, listen, enter } = followRoom()
    listen(at(2))
    followed.nextRequest()
    enter(at(2))
    expect(followed.receive(batch([4]))).to.equal('hole')
    expect(followed.receive(batch([1], 'other'))).to.equal('hole')
    expect(followed.nextRequest()).to.deep.equal({ group: 'g', since: at(2) })
  })

  it('asks for each listener from where it is, and tells a gap to those that it concerns', async () => {
    const { followed, listen, enter, stored } = followRoom()
    const [far, near, other] = [listen(at(2)), listen(at(8)), listen(at(5, 'old'))]
    const asked = () => followed.nextRequest().since
    expect(asked()).to.deep.equal(at(2))
    expect(enter(at(9), 'trimmed').asksAgain).to.equal(true)
    // What is missing for one may still be there for another.
    expect(asked()).to.deep.equal(at(8))
    expect(enter(at(9)).asksAgain).to.equal(false)
    followed.receive(batch([9]))
    await turn()
    expect([far, near, other].map(({ listener }) => listener.place)).to.deep.equal([at(9), at(9), at(9)])
    expect([far, near, other].map(({ offsets }) => offsets)).to.deep.equal([[], [9], []])
    expect(stored.at(-1)).to.deep.equal(at(9))
  })

  it('does not ask for ever about a position that no node confirms', () => {
    const { followed, listen, enter } = followRoom()
    listen(at(5))
    followed.nextRequest()
    expect(enter(at(3)).asksAgain).to.equal(false)
  })

  it('is what its slowest listener is, as far as the position goes', async () => {
    const { followed, listen, enter, stored } = followRoom()
    listen(at(0))
    const slow = listen(at(0), never)
    followed.nextRequest()
    enter(at(0))
    followed.receive(batch([1, 2]))
    await turn()
    expect(stored).to.deep.equal([at(0)])
    followed.remove(slow.listener)
    expect(stored).to.deep.equal([at(0), at(2)])
  })
})
