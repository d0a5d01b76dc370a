import { waitUntil } from '../../support/wait.ts'
import type { FaultResult, Profile } from '../fault.ts'
import { runScenario, sendFinalRecalls, startDeployment } from '../scenario.ts'

const SOCKETS = { short: 200, long: 2_000 } as const
const MISSED_NOTICES = 100
/** Two groups, and the feed with a quarter as many listeners. */
const LISTENER_SHARES = 2.25

/** Disconnects a large number of sockets, which reconnect simultaneously after a hundred notices. */
export const socketsReturn = (profile: Profile): Promise<FaultResult> =>
  runScenario('all sockets reconnect simultaneously', async (harness) => {
    const listenersPerRoom = Math.ceil(SOCKETS[profile] / LISTENER_SHARES)
    const { listeners, sender } = await startDeployment(harness, profile, { listenersPerRoom })
    for (const listener of listeners) listener.disconnect()
    await waitUntil('all listeners are disconnected', () =>
      listeners.every((listener) => !listener.isSubscribed()),
    )
    for (let i = 0; i < MISSED_NOTICES * sender.groups.length; i += sender.groups.length) {
      await Promise.all(sender.groups.map((group) => sender.send(group)))
    }
    for (const listener of listeners) listener.reconnect()
    const areSubscribed = () => listeners.every((listener) => listener.isSubscribed())
    await waitUntil('all listeners have reconnected', areSubscribed, 60_000)
    await sendFinalRecalls(harness, sender)
  })
