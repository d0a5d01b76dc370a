import { expect } from 'chai'
import { TimerWheel } from '../../server/lib/timers.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

describe('timer wheel', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = () => {
    const wheel = new TimerWheel()
    onCleanUp(() => wheel.stop())
    /** Schedules an object that, as sessions do, schedules itself again when it is called early. */
    const schedule = (atMs: number) => {
      const firedAtMs: number[] = []
      const timed = {
        onTimer(): void {
          if (Date.now() < atMs) return wheel.schedule(timed, atMs)
          firedAtMs.push(Date.now())
        },
      }
      wheel.schedule(timed, atMs)
      return { timed, firedAtMs }
    }
    return { wheel, schedule }
  }

  it('fires each entry once, at its time and not before, whether near or far', async () => {
    const { schedule } = setUp()
    const nowMs = Date.now()
    const times = [nowMs - 5, nowMs + 40, nowMs + 2_100, nowMs + 2_900]
    const entries = times.map((atMs) => schedule(atMs))
    await waitUntil('all have fired', () => entries.every(({ firedAtMs }) => firedAtMs.length > 0))
    for (const [i, { firedAtMs }] of entries.entries()) {
      expect(firedAtMs[0], `entry ${i}`).to.be.at.least(times[i] ?? 0)
      expect(firedAtMs).to.have.length(1)
    }
  })

  it('fires neither a cancelled entry nor one at Infinity', async () => {
    const { wheel, schedule } = setUp()
    const atMs = Date.now() + 2_500
    const cancelled = schedule(atMs)
    const never = schedule(Infinity)
    const other = schedule(atMs)
    wheel.cancel(cancelled.timed, atMs)
    await waitUntil('the other one has fired', () => other.firedAtMs.length > 0)
    expect(cancelled.firedAtMs).to.be.empty
    expect(never.firedAtMs).to.be.empty
  })
})
