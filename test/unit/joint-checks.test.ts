import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Excerpt, LogPart } from '../../server/broker/log-reading.ts'
import { JointChecks } from '../../server/realtime/rooms/joint-checks.ts'
import type { Checked } from '../../server/realtime/rooms/joint-checks.ts'
import { ReadLane } from '../../server/realtime/rooms/read-lane.ts'
import { GatewayError } from '../../shared/errors.ts'
import { waitUntil } from '../support/wait.ts'

describe('checks of many rooms together', () => {
  /** Rooms that know this many entries each, and a store that does as the test says. */
  const setUp = (known: number, excerpts: (parts: readonly LogPart[]) => Promise<readonly Excerpt[]>) => {
    const lane = new ReadLane(pino({ level: 'silent' }))
    const calls: number[] = []
    let underWay = 0
    let most = 0
    const checks = new JointChecks(
      {
        async excerpts(parts) {
          calls.push(parts.length)
          most = Math.max(most, ++underWay)
          await turn()
          return await excerpts(parts).finally(() => underWay--)
        },
      },
      lane,
    )
    const seen: string[] = []
    const alone: string[] = []
    const add = (name: string): void => {
      const room: Checked = {
        wanted: () => ({ room: { group: name }, first: 1, last: known }),
        onExcerpt: (part) => void seen.push(part.room.group ?? ''),
        onUnreadable: () => void alone.push(name),
      }
      checks.add(room)
    }
    return { lane, add, calls, seen, alone, most: () => most }
  }
  const same = async (parts: readonly LogPart[]): Promise<readonly Excerpt[]> =>
    parts.map(() => ({ head: { epoch: 'e', offset: 1 }, entries: [] }))
  const names = Array.from({ length: 10_000 }, (_, i) => `g${i}`)

  it('take few calls, of which few are under way, however many the rooms', async () => {
    const { add, calls, seen, most } = setUp(1, same)
    for (const name of names) add(name)
    await waitUntil('all are read', () => seen.length === names.length)
    expect(seen).to.deep.equal(names)
    expect(calls).to.have.length(Math.ceil(names.length / 32))
    expect(most()).to.equal(4)
  })

  it('read no more in one call than a page, or what one room knows', async () => {
    const { add, calls, seen } = setUp(70, same)
    for (const name of names.slice(0, 10)) add(name)
    await waitUntil('all are read', () => seen.length === 10)
    expect(calls).to.deep.equal([2, 2, 2, 2, 2])
  })

  it('ask for less at a time until the store is up to it, and lose no room', async () => {
    const { lane, add, calls, seen, alone } = setUp(1, async (parts) => {
      if (parts.length > 3) throw new GatewayError('BROKER_UNAVAILABLE')
      return await same(parts)
    })
    for (const name of names.slice(0, 100)) add(name)
    await waitUntil('all are read', () => {
      lane.resume()
      return seen.length === 100
    })
    expect(seen.toSorted()).to.deep.equal(names.slice(0, 100).toSorted())
    expect(alone).to.be.empty
    // Whenever some succeed, one more is tried the next time.
    expect(calls.length).to.be.below(90)
  })

  it('leave a room alone that nobody can be read with', async () => {
    const { lane, add, seen, alone } = setUp(1, async (parts) => {
      if (parts.some(({ room }) => room.group === 'g7')) throw new GatewayError('BROKER_UNAVAILABLE')
      return await same(parts)
    })
    for (const name of names.slice(0, 200)) add(name)
    await waitUntil('all but one are read', () => {
      lane.resume()
      return seen.length === 199 && alone.length === 1
    })
    expect(alone).to.deep.equal(['g7'])
  })
})
