import { setTimeout as delay } from 'node:timers/promises'
import { playUnderLoad } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const FOR_MS = { short: 5_000, long: 30_000 } as const
const EVERY_MS = { short: 500, long: 2_000 } as const

/** Every socket is cut off, again and again, each time at another moment, and goes on at the other node. */
export const socketsCut = (size: Size): Promise<Row> =>
  playUnderLoad('sockets cut off', size, async ({ listeners }) => {
    const every = EVERY_MS[size]
    await Promise.all(
      listeners.map(async (listener) => {
        await delay(Math.random() * every)
        for (let ms = 0; ms < FOR_MS[size]; ms += every) {
          listener.cut()
          await delay(every)
        }
      }),
    )
  })
