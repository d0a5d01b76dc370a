import { createServer } from 'node:net'
import { RedisModel } from '../redis/model.ts'
import { NO_REFUSALS } from '../redis/refusals.ts'
import { START_MS, world } from '../world/world.ts'
import { SimProcess } from '../world/schedule.ts'

export const REDIS_PORT = 6379

/** Redis as a process of the simulation. */
export class SimRedis {
  readonly model: RedisModel
  process = new SimProcess('redis#0')
  #life = 0

  constructor() {
    this.model = new RedisModel({
      now: () => START_MS + world.schedule.nowMs,
      later: (ms, callback) => {
        const task = world.schedule.after(ms, this.process, callback)
        return () => void (task.run = undefined)
      },
      fsync: 'always',
    })
  }

  start(): void {
    if (this.#life > 0 && !this.process.isDead) return
    const process = new SimProcess(`redis#${++this.#life}`)
    this.process = process
    world.schedule.after(0, process, () => {
      createServer((socket) => this.model.connect(socket)).listen(REDIS_PORT, '127.0.0.1')
    })
  }

  /** Ends the process. `keeps`: what it finds on its disk when it is started again. */
  kill(keeps: 'all' | 'synced' | 'nothing'): void {
    world.schedule.kill(this.process)
    this.model.restart(keeps)
  }

  /** A replica without the latest writes becomes the server. */
  failOver(lostWrites: number): void {
    this.model.closeConnections()
    this.model.rollBack(lostWrites)
  }

  restore(): void {
    if (this.process.isFrozen) world.schedule.thaw(this.process)
    if (this.process.isDead) this.start()
    Object.assign(this.model.refusals, NO_REFUSALS)
  }
}
