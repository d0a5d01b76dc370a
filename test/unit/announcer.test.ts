import { expect } from 'chai'
import { pino } from 'pino'
import { createAnnouncer } from '../../server/receiver/announcer.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

describe('announcer of ended memberships', () => {
  const onCleanUp = cleanUpAfterEach()
  const start = (announce: (group: string) => Promise<unknown>, membershipTtlMs = 60_000) => {
    const announcer = createAnnouncer(
      { membershipTtlMs },
      { announce: ({ group }) => announce(group), log: pino({ level: 'silent' }) },
    )
    onCleanUp(announcer.stop)
    return announcer
  }

  it('retries what fails, and keeps the order', async () => {
    const announced: string[] = []
    let failures = 2
    const announcer = start(async (group) => {
      if (failures-- > 0) throw new Error('unavailable')
      announced.push(group)
    })
    for (const group of ['a', 'b', 'c']) announcer.announceEnd({ group })
    await waitUntil('all are announced', () => announced.length === 3)
    expect(announced).to.deep.equal(['a', 'b', 'c'])
  })

  it('stops retrying when the memberships have left every cache', async () => {
    const tried: string[] = []
    const announcer = start(async (group) => {
      tried.push(group)
      throw new Error('unavailable')
    }, -1)
    for (const group of ['a', 'b']) announcer.announceEnd({ group })
    await waitUntil('both were tried', () => tried.length === 2)
    expect(tried).to.deep.equal(['a', 'b'])
  })

  it('drops the oldest of more than 1,000', async () => {
    const announced: string[] = []
    let isAvailable = false
    const announcer = start(async (group) => {
      if (!isAvailable) throw new Error('unavailable')
      announced.push(group)
    })
    for (let i = 0; i <= 1_000; i++) announcer.announceEnd({ group: String(i) })
    isAvailable = true
    await waitUntil('the rest is announced', () => announced.length === 1_000)
    expect(announced[0]).to.equal('1')
  })
})
