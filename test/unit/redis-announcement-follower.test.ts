import { expect } from 'chai'
import { pino } from 'pino'
import { followAnnouncements } from '../../server/broker/redis/announcement-follower.ts'
import type { StoredAnnouncement } from '../../server/broker/redis/announcement-follower.ts'
import { explain } from '../../server/broker/redis/connection/failure.ts'
import { VERSION } from '../../shared/version.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

describe('announcement follower', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Follows announcements that the test stores, with failures that the test sets. */
  const follow = ({ failing = 0 } = {}) => {
    const state = { stored: [] as StoredAnnouncement[], failing, reads: [] as number[], caughtUp: 0 }
    const heard: string[] = []
    const warnings: string[] = []
    const notes: number[] = []
    let hint = (): void => undefined
    const stop = followAnnouncements('revocations', {
      async read(sinceMs) {
        state.reads.push(sinceMs)
        if (state.failing-- > 0) throw new Error("Stream isn't writeable")
        return state.stored.filter(({ id }) => Number(id.split('-')[0]) >= sinceMs)
      },
      async subscribe({ onInterrupted }) {
        hint = onInterrupted
        return { leave: () => undefined }
      },
      explain: (error) => explain(error, { mode: 'single' }),
      listener: (text) => heard.push(text),
      later: { note: (version) => notes.push(version), warnings: () => [] },
      onCaughtUp: () => state.caughtUp++,
      log: pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) }),
    })
    onCleanUp(stop)
    return { state, heard, warnings, notes, hint: () => hint() }
  }
  const at = (ms: number, text: string | undefined, version = VERSION): StoredAnnouncement => ({
    id: `${Math.floor(ms)}-0`,
    text,
    version,
  })

  it('notes what a version wrote that this one cannot read, and passes it on', async () => {
    const { state, heard, notes } = follow()
    state.stored.push(at(Date.now(), 'next', VERSION + 1), at(Date.now() + 1, 'later', VERSION + 2))
    await waitUntil('both arrive', () => heard.length === 2)
    expect(notes).to.deep.equal([VERSION + 2])
  })

  it('reads again soon after a failure, and tells when it has caught up', async () => {
    const { state, heard, warnings } = follow({ failing: 3 })
    state.stored.push(at(Date.now(), 'order'))
    expect(state.caughtUp).to.equal(0)
    await waitUntil('the order arrives', () => heard.length === 1, 3_000)
    expect(state.caughtUp).to.equal(1)
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.include('NOT_CONNECTED')
  })

  it('reads again soon when a later read fails, without another hint', async () => {
    const { state, heard, hint } = follow()
    await waitUntil('it has caught up', () => state.caughtUp === 1)
    state.failing = 2
    state.stored.push(at(Date.now(), 'order'))
    hint()
    await waitUntil('the order arrives', () => heard.length === 1, 3_000)
  })

  for (const [name, text] of [
    ['an entry without a valid signature', undefined],
    ['an entry with an id in the future', 'future'],
  ] as const) {
    it(`hears what follows ${name}`, async () => {
      const { state, heard, hint } = follow()
      state.stored.push(at(9_999_999_999_999, text))
      hint()
      await waitUntil('it has been read', () => state.caughtUp === 1 && state.reads.length > 1)
      state.stored.push(at(Date.now(), 'order'))
      hint()
      await waitUntil('the order arrives', () => heard.includes('order'))
      expect(heard.filter((one) => one === 'future')).to.have.lengthOf(text === undefined ? 0 : 1)
    })
  }

  it('hears what a server stores whose clock is days behind', async () => {
    const { state, heard, hint } = follow()
    await waitUntil('it has caught up', () => state.caughtUp === 1)
    state.stored.push(at(Date.now() - 40 * 86_400_000, 'order'))
    hint()
    await waitUntil('the order arrives', () => heard.length === 1)
  })

  it('does not let an entry without a valid signature move the start of the next read', async () => {
    const { state, hint } = follow()
    await waitUntil('it has caught up', () => state.caughtUp === 1)
    state.stored.push(at(Date.now(), undefined))
    hint()
    await waitUntil('it has been read', () => state.reads.length === 2)
    hint()
    await waitUntil('it has been read again', () => state.reads.length === 3)
    expect((state.reads[2] ?? 0) - (state.reads[0] ?? 0)).to.be.below(60_000)
  })
})
