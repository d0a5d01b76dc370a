import { setTimeout as delay } from 'node:timers/promises'

export interface TimerNode {
  readonly kind: 'timeout' | 'immediate' | 'interval' | 'promise' | 'tick' | 'microtask'
  readonly ms: number
  readonly then: readonly TimerNode[]
  /** Index among its siblings of one that it clears, or 10 and more. */
  readonly clears: number
  readonly refreshes: boolean
}

/** The order between groups is not defined either: a process that is late may run a timer of 2 ms before one of 1 ms. */
const GROUPS = {
  timeout: 'timers',
  interval: 'timers',
  promise: 'timers',
  immediate: 'immediates',
  tick: 'ticks',
  microtask: 'ticks',
} as const

const groupOf = ({ kind, ms }: TimerNode): string =>
  GROUPS[kind] === 'timers' ? `timers of ${Math.max(1, Math.trunc(ms))}` : GROUPS[kind]

/**
 * Runs a tree of timers: each starts those below it. Returns for each the order in which its children ran. Between children of
 * different parents, the order is not defined, because real time passes between them.
 */
export async function runTimerScript(
  roots: readonly TimerNode[],
): Promise<Readonly<Record<string, string[]>>> {
  const orders: Record<string, string[]> = {}
  let open = 0
  let finish = (): void => undefined
  const finished = new Promise<void>((resolve) => (finish = resolve))
  const done = (): void => void (--open === 0 && finish())

  function start(nodes: readonly TimerNode[], path: string): void {
    const timers: (NodeJS.Timeout | NodeJS.Immediate | undefined)[] = []
    const record = (group: string, what: string): void => void (orders[`${path} ${group}`] ??= []).push(what)
    const cleared = new Set<number>()
    for (const [i, node] of nodes.entries()) {
      open++
      let runs = 0
      const run = (): void => {
        record(++runs === 1 ? groupOf(node) : 'again', `${node.kind} ${i}`)
        const isLast = node.kind !== 'interval' || runs === 2
        if (runs === 1) start(node.then, `${path}/${i}`)
        if (isLast && node.kind === 'interval') clearInterval(timers[i] as NodeJS.Timeout)
        if (isLast) done()
      }
      if (node.kind === 'timeout') timers[i] = setTimeout(run, node.ms)
      else if (node.kind === 'interval') timers[i] = setInterval(run, node.ms)
      else if (node.kind === 'immediate') timers[i] = setImmediate(run)
      else if (node.kind === 'promise') void delay(node.ms).then(run)
      else if (node.kind === 'tick') process.nextTick(run)
      else queueMicrotask(run)
      const other = timers[node.clears]
      if (other !== undefined && !cleared.has(node.clears) && node.clears < i) {
        cleared.add(node.clears)
        clearTimeout(other as NodeJS.Timeout)
        clearImmediate(other as NodeJS.Immediate)
        open--
      }
      if (node.refreshes && node.kind === 'timeout') (timers[i] as NodeJS.Timeout).refresh()
    }
  }

  open++
  start(roots, '')
  done()
  await finished
  // The second runs of intervals come in the order of real time.
  for (const [group, order] of Object.entries(orders)) if (group.endsWith('again')) order.sort()
  return Object.fromEntries(Object.entries(orders).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
