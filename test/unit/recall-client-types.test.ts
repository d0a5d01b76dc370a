import { expect } from 'chai'
import type { MemberNotice, NoticeListener, RecallClient, Room } from '../../shared/client.ts'

/** What counts is that this compiles: apps that follow groups need not know that there are other kinds. */
describe('the types of the client', () => {
  const followed: Room[] = []
  const client = {
    subscribe: (room: Room) => void followed.push(room),
    recalled: async () => [],
  } as unknown as RecallClient

  it('say that messages of a group have a number, and all others a key', async () => {
    client.subscribe({ group: 'g' }, ({ messages }) => messages[0]?.seq.toFixed())
    client.subscribe({ group: 'g', topic: 't' }, ({ group, messages }) => {
      for (const { seq, id } of messages) group.concat(seq.toFixed(), id ?? '')
    })
    const onNotice = ({ messages }: MemberNotice): string[] => messages.map(({ seq }) => seq.toFixed())
    client.subscribe({ group: 'g' }, onNotice)
    const listener: NoticeListener = ({ messages }) => messages.map(({ seq }) => seq.toFixed())
    client.subscribe({ group: 'g' }, listener)
    client.subscribe({ c2c: ['a', 'b'] }, ({ c2c, messages }) => c2c[0].concat(messages[0]?.key ?? ''))
    client.subscribe({ official: 'o' }, ({ official, messages }) => official.concat(messages[0]?.key ?? ''))
    client.subscribe({ feed: true }, (notice) => {
      if (notice.group !== undefined) return notice.messages[0]?.seq.toFixed()
      return notice.messages[0]?.key.length
    })
    const room = { group: 'g' } as Room
    client.subscribe(room, ({ messages }) => messages.length)
    client.subscribe(room, listener)
    client.subscribe({ feed: true }, listener)
    client.subscribe({ feed: true }, onNotice)
    expect(followed).to.have.lengthOf(11)
    expect((await client.recalled({ group: 'g' }, [1]))[0]?.seq.toFixed()).to.equal(undefined)
    expect((await client.recalled({ c2c: ['a', 'b'] }, ['1']))[0]?.key.length).to.equal(undefined)
  })
})
