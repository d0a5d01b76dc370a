import { real } from './real.ts'

/** A simulated operating-system process: owns timers, sockets and servers, all of which end with it. */
export class SimProcess {
  readonly name: string
  /** Its name without the number of its life. */
  readonly part: string
  isDead = false
  /** While frozen, its events wait, in order. */
  isFrozen = false
  /** How far its wall clock is ahead of the true one, in ms. */
  clockOffsetMs = 0
  readonly waiting: Task[] = []
  /** Called when it is killed. */
  readonly onKill: (() => void)[] = []

  constructor(name: string) {
    this.name = name
    this.part = name.split('#')[0] ?? name
  }
}

/** Something that a process does at a time. */
export interface Task {
  readonly owner: SimProcess
  /** Undefined once it is cancelled. */
  run: (() => void) | undefined
}

interface Entry {
  readonly atMs: number
  readonly order: number
  readonly task: Task
}

/** Turns between two looks at what is real. */
const TURNS_AT_ONCE = 256

/** What the simulation itself does, as opposed to its processes. */
export const OUTSIDE = new SimProcess('outside')

/**
 * Virtual time. Events run one after the other, at their times, each in a turn of its own: its promises have settled as far as
 * they can before the next one. So all that runs in a turn belongs to the process that owns the event.
 */
export class Schedule {
  nowMs = 0
  /** The process whose turn it is. */
  current: SimProcess = OUTSIDE
  events = 0
  /** Receives what an event throws. */
  onError: ((error: unknown) => void) | undefined
  readonly #heap: Entry[] = []
  #order = 0
  #fingerprint = 0

  /** Distinguishes runs that took other turns. */
  get fingerprint(): string {
    return (this.#fingerprint >>> 0).toString(16).padStart(8, '0')
  }

  get size(): number {
    return this.#heap.length
  }

  /** How many events of a process wait. */
  waiting(process: SimProcess): number {
    return this.#heap.filter(({ task }) => task.owner === process && task.run !== undefined).length
  }

  at(atMs: number, owner: SimProcess, run: () => void): Task {
    const task: Task = { owner, run }
    this.#push({ atMs: Math.max(atMs, this.nowMs), order: ++this.#order, task })
    return task
  }

  after(ms: number, owner: SimProcess, run: () => void): Task {
    return this.at(this.nowMs + ms, owner, run)
  }

  freeze(process: SimProcess): void {
    process.isFrozen = true
  }

  thaw(process: SimProcess): void {
    process.isFrozen = false
    for (const task of process.waiting.splice(0)) this.#push({ atMs: this.nowMs, order: ++this.#order, task })
  }

  kill(process: SimProcess): void {
    process.isDead = true
    process.waiting.length = 0
    for (const end of process.onKill.splice(0).reverse()) end()
  }

  /** Runs events until `isDone`, which is asked after each turn, or until none is left. */
  async run(isDone: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let isOver = false
      let left = 0
      const step = (): void => {
        left--
        if (isOver) return
        this.current = OUTSIDE
        try {
          isOver = isDone() || !this.#turn()
        } catch (error) {
          isOver = true
          return reject(error)
        }
        if (isOver) resolve()
        else if (left === 0) start()
      }
      // Between two of them, Node runs all that is ready, as after each; but it looks at its real files and sockets only after
      // all of them, which takes as long as a turn.
      const start = (): void => {
        for (left = 0; left < TURNS_AT_ONCE; left++) real.setImmediate(step)
      }
      start()
    })
  }

  /** Returns whether there was an event. */
  #turn(): boolean {
    for (;;) {
      const entry = this.#pop()
      if (entry === undefined) return false
      const { task } = entry
      const { owner, run } = task
      if (run === undefined || owner.isDead) continue
      if (entry.atMs > this.nowMs) this.nowMs = entry.atMs
      if (owner.isFrozen) {
        owner.waiting.push(task)
        continue
      }
      this.events++
      this.#fingerprint =
        (Math.imul(this.#fingerprint, 31) + Math.round(this.nowMs * 1_000) + entry.order) | 0
      this.current = owner
      task.run = undefined
      try {
        run()
      } catch (error) {
        if (this.onError === undefined) throw error
        this.onError(error)
      }
      return true
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const other = heap[parent] as Entry
      if (!isBefore(entry, other)) break
      heap[i] = other
      i = parent
    }
    heap[i] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!isBefore(heap[child] as Entry, last)) break
      heap[i] = heap[child] as Entry
      i = child
    }
    heap[i] = last
    return first
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
