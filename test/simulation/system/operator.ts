import { request } from 'node:http'
import type { Room } from '../../../shared/room.ts'
import type { History } from '../history.ts'
import type { OrderStep } from '../spec.ts'
import { world } from '../world/world.ts'
import { SimProcess } from '../world/schedule.ts'
import { signToken } from './tokens.ts'

const TIMEOUT_MS = 5_000

/** A person on duty, who takes users out. */
export class Operator {
  readonly process = new SimProcess('operator')
  readonly #history: History
  #count = 0

  constructor(history: History) {
    this.#history = history
  }

  order(user: string, { room, forS }: OrderStep): void {
    const id = ++this.#count
    world.schedule.after(0, this.process, () => void this.#send(id, user, forS, room))
  }

  async #send(id: number, user: string, forS: number, room?: Room): Promise<void> {
    const token = await signToken({ sub: 'operator', isAdmin: true, lifeMs: 600_000 })
    this.#history.add({ kind: 'ordered', id, user, ...(room && { room }), forMs: forS * 1_000 })
    const body = JSON.stringify({ userId: user, ...room, forS })
    let isOver = false
    const answered = (isOk: boolean, outcome: string): void => {
      if (isOver) return
      isOver = true
      this.#history.add({ kind: 'order answered', id, isOk, outcome })
      call.destroy()
    }
    const call = request(
      {
        method: 'POST',
        host: 'nodes',
        port: 80,
        path: '/v1/disconnect',
        headers: {
          host: 'nodes',
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
        agent: false,
      },
      (response) => {
        response.resume()
        response.once('end', () => answered(response.statusCode === 200, String(response.statusCode)))
      },
    )
    call.on('error', (error) => answered(false, error.message))
    call.end(body)
    setTimeout(() => answered(false, 'the operator gave up'), TIMEOUT_MS)
  }
}
