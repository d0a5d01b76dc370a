import type { Socket } from 'node:net'
import { world } from './world.ts'
import type { Task } from './schedule.ts'

interface Idle {
  task: Task
  touchedMs: number
}

const IDLE = Symbol('idle')

interface IdleSocket {
  [IDLE]?: Idle | undefined
  timeout?: number
  readonly destroyed: boolean
  _onTimeout(): void
}

/** Node measures the silence of a socket with timers of its own. */
export const idleTimers = {
  setTimeout(this: Socket & IdleSocket, ms: number, callback?: () => void): Socket {
    if (this.destroyed) return this
    this.timeout = ms
    if (this[IDLE]) this[IDLE].task.run = undefined
    this[IDLE] = undefined
    if (ms > 0) watchIdle(this, ms)
    if (callback && ms > 0) this.once('timeout', callback)
    else if (callback) this.off('timeout', callback)
    return this
  },
  _unrefTimer(this: IdleSocket): void {
    if (this[IDLE]) this[IDLE].touchedMs = world.schedule.nowMs
  },
}

function watchIdle(socket: IdleSocket, ms: number): void {
  const { schedule } = world
  const { current: owner } = schedule
  const idle: Idle = { touchedMs: schedule.nowMs, task: schedule.after(ms, owner, check) }
  socket[IDLE] = idle
  // Not begun anew with each byte: that would fill the schedule with events that never come.
  function check(): void {
    if (socket.destroyed || socket[IDLE] !== idle) return
    const dueMs = idle.touchedMs + ms
    if (dueMs > schedule.nowMs) return void (idle.task = schedule.at(dueMs, owner, check))
    socket._onTimeout()
  }
}
