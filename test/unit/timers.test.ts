import { expect } from 'chai'
import { TimerWheel } from '../../server/lib/timers.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

describe('alarms', () => {
  const undo = undoAfterEach()

  const open = () => {
    const alarms = new TimerWheel()
    undo(() => alarms.stop())
    /** When it was woken, each time; sleeps on until its time has come, as sessions do. */
    const sleep = (atMs: number) => {
      const woken: number[] = []
      const sleeper = {
        onTimer(): void {
          if (Date.now() < atMs) return alarms.schedule(sleeper, atMs)
          woken.push(Date.now())
        },
      }
      alarms.schedule(sleeper, atMs)
      return { sleeper, woken }
    }
    return { alarms, sleep }
  }

  it('wake each at its time, near or farther away, and not before', async () => {
    const { sleep } = open()
    const nowMs = Date.now()
    const times = [nowMs - 5, nowMs + 40, nowMs + 2_100, nowMs + 2_900]
    const sleepers = times.map((atMs) => sleep(atMs))
    await until('all are awake', () => sleepers.every(({ woken }) => woken.length > 0))
    for (const [i, { woken }] of sleepers.entries()) {
      expect(woken[0], `alarm ${i}`).to.be.at.least(times[i] ?? 0)
      expect(woken).to.have.length(1)
    }
  })

  it('do not wake who has cleared them, nor at Infinity', async () => {
    const { alarms, sleep } = open()
    const atMs = Date.now() + 2_500
    const cleared = sleep(atMs)
    const never = sleep(Infinity)
    const other = sleep(atMs)
    alarms.cancel(cleared.sleeper, atMs)
    await until('the other one is awake', () => other.woken.length > 0)
    expect(cleared.woken).to.be.empty
    expect(never.woken).to.be.empty
  })
})
