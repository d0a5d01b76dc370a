import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { History } from '../history.ts'
import type { UserSpec } from '../spec.ts'
import { world } from '../world/world.ts'
import { SimProcess } from '../world/schedule.ts'

export const BACKEND_PORT = 6_500
/** For how long the gateway takes a yes that does not say. */
export const DEFAULT_GRANT_S = 10

/** The app's backend, which the gateway asks who may listen to what. */
export class Backend {
  process = new SimProcess('backend#0')
  /** It answers after so long. */
  delayMs = 0
  /** Instead of an answer. */
  failure: 500 | 503 | 429 | 'rubbish' | undefined
  readonly #users: ReadonlyMap<string, UserSpec>
  readonly #history: History
  readonly #taken = new Set<string>()
  #life = 0

  constructor(users: readonly UserSpec[], history: History) {
    this.#users = new Map(users.map((user) => [user.name, user]))
    this.#history = history
  }

  start(): void {
    if (this.#life > 0 && !this.process.isDead) return
    const process = new SimProcess(`backend#${++this.#life}`)
    this.process = process
    world.schedule.after(0, process, () => {
      const server = createServer((request, response) => {
        let text = ''
        request.setEncoding('utf8').on('data', (part: string) => (text += part))
        request.on('end', () => setTimeout(() => this.#answer(text, response), this.delayMs))
      })
      server.listen(BACKEND_PORT, '127.0.0.1')
    })
  }

  kill(): void {
    world.schedule.kill(this.process)
  }

  revoke(user: string, room: Room): void {
    this.#taken.add(`${user} ${roomName(room)}`)
    this.#history.add({ kind: 'revoked', user, room })
  }

  grant(user: string, room: Room): void {
    if (this.#taken.delete(`${user} ${roomName(room)}`)) this.#history.add({ kind: 'granted', user, room })
  }

  /** Everybody may listen again to what they could, and it works. */
  restore(): void {
    if (this.process.isFrozen) world.schedule.thaw(this.process)
    this.start()
    this.delayMs = 0
    this.failure = undefined
    for (const { name, rooms } of this.#users.values()) for (const room of rooms) this.grant(name, room)
  }

  #answer(text: string, response: ServerResponse): void {
    const { failure } = this
    if (failure === 'rubbish') return void response.end('<!doctype html>')
    if (failure !== undefined) return void response.writeHead(failure).end()
    const { userId, group, topic } = JSON.parse(text) as { userId: string; group: string; topic?: string }
    const room = { group, ...(topic !== undefined && { topic }) }
    const user = this.#users.get(userId)
    const isAllowed =
      user?.access === 'app' &&
      user.rooms.some((one) => covers(one, room) && !this.#taken.has(`${userId} ${roomName(one)}`))
    // A no holds as long as the gateway thinks right.
    const forS = isAllowed ? user?.grantS : undefined
    const forMs = (forS ?? DEFAULT_GRANT_S) * 1_000
    this.#history.add({ kind: 'verdict', user: userId, room, isAllowed, forMs })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ allowed: isAllowed, ...(forS !== undefined && { forS }) }))
  }
}

/** A group covers its topics. */
const covers = (granted: Room, { group, topic }: { group: string; topic?: string }): boolean =>
  !isFeed(granted) && granted.group === group && (granted.topic === undefined || granted.topic === topic)
