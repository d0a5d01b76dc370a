import { world } from '../world/world.ts'
import type { SimProcess } from '../world/schedule.ts'

type Listener = (event: unknown) => void

const listeners = new WeakMap<SimProcess, Set<Listener>>()

/** Browsers tell a page that the network is back; Node has no such events. Each process has its own. */
Object.assign(globalThis, {
  addEventListener(name: string, listener: Listener): void {
    if (name !== 'online') return
    const { current } = world.schedule
    const known = listeners.get(current) ?? new Set()
    listeners.set(current, known.add(listener))
  },
  removeEventListener(_name: string, listener: Listener): void {
    listeners.get(world.schedule.current)?.delete(listener)
  },
})

/** Tells a page that the network may be back. */
export function hint(process: SimProcess): void {
  for (const listener of listeners.get(process) ?? []) listener({ type: 'online' })
}
