import { until } from '../../support/wait.ts'
import { assemble, conclude, play } from '../scenario.ts'
import type { Row, Size } from '../fault.ts'

const SOCKETS = { short: 200, long: 2_000 } as const
const MISSED = 100
/** Two groups, and the feed with a quarter as many listeners. */
const SHARES = 2.25

/** Very many sockets come back in one moment, each having missed a hundred notices. */
export const socketsReturn = (size: Size): Promise<Row> =>
  play('all sockets return at once', async (stage) => {
    const listenersPerRoom = Math.ceil(SOCKETS[size] / SHARES)
    const { listeners, sender } = await assemble(stage, size, { listenersPerRoom })
    for (const listener of listeners) listener.leave()
    await until('all are away', () => listeners.every((listener) => !listener.isListening()))
    for (let i = 0; i < MISSED * sender.groups.length; i += sender.groups.length) {
      await Promise.all(sender.groups.map((group) => sender.send(group)))
    }
    for (const listener of listeners) listener.comeBack()
    await until('all are back', () => listeners.every((listener) => listener.isListening()), 60_000)
    await conclude(stage, sender)
  })
