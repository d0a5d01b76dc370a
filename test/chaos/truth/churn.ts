import { setTimeout as delay } from 'node:timers/promises'
import type { Behaviour, TruthClient, TruthListener } from './truth-client.ts'

/** Longest pause between two things that happen to a client, and longest time that a handler takes. */
const MAX_PAUSE_MS = 500
const MAX_HANDLER_MS = 200
/** Each sets what the next notices meet. */
const BEHAVIOURS: readonly Behaviour[] = [
  () => undefined,
  () => undefined,
  () => delay(Math.random() * MAX_HANDLER_MS),
  () => {
    if (Math.random() < 0.5) throw new Error('a handler throws')
  },
  async () => {
    await delay(Math.random() * MAX_HANDLER_MS)
    if (Math.random() < 0.5) throw new Error('a handler rejects')
  },
  // As the last thing it does, or before it is done.
  (leave) => leave(),
  async (leave) => {
    leave()
    await delay(Math.random() * MAX_HANDLER_MS)
  },
]

const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T

/** Does to a client, at random, what apps and networks do to it, until a moment. Then everything is well again. */
export async function churnClient(client: TruthClient, untilMs: number): Promise<void> {
  const acts: readonly (() => unknown)[] = [
    () => client.line.cut(pick(['FIN', 'RST'])),
    () => pick(client.listeners).leave(),
    () => setBehaviour(pick(client.listeners)),
    () => setBehaviour(pick(client.listeners)),
    // React's strict mode: away and back in one turn.
    () => comeBack(pick(client.listeners)),
    () => restart('close'),
    () => restart('kill'),
  ]
  const restart = async (how: 'close' | 'kill'): Promise<void> => {
    client[how]()
    await delay(Math.random() * MAX_PAUSE_MS)
    client.start()
  }
  while (performance.now() < untilMs) {
    await pick(acts)()
    await delay(Math.random() * MAX_PAUSE_MS)
    for (const listener of client.listeners)
      if (!listener.isFollowing && Math.random() < 0.5) listener.follow()
  }
  for (const listener of client.listeners) {
    listener.behave = () => undefined
    if (!listener.isFollowing) listener.follow()
  }
}

function setBehaviour(listener: TruthListener): void {
  listener.behave = pick(BEHAVIOURS)
}

function comeBack(listener: TruthListener): void {
  listener.leave()
  listener.follow()
}
