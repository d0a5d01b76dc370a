import { createRecallClient, memoryPositions, storedPositions } from '../../../shared/client.ts'
import type { PositionStore, RecallClient, Subscription } from '../../../shared/client.ts'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { History } from '../history.ts'
import { world } from '../world/globals.ts'
import { SimProcess } from '../world/schedule.ts'
import type { ListenerHabit, UserSpec } from '../plan.ts'
import { signToken } from './token.ts'

/** A person with the library of the project in a page: each life is a page that is opened, closed or killed. */
export class LibraryUser {
  readonly spec: UserSpec
  readonly #history: History
  readonly #url: string
  readonly #texts = new Map<string, string>()
  process: SimProcess | undefined
  client: RecallClient | undefined
  #life = 0

  constructor(spec: UserSpec, history: History, url: string) {
    this.spec = spec
    this.#history = history
    this.#url = url
  }

  open(): void {
    if (this.process && !this.process.isDead) return
    const life = ++this.#life
    const process = new SimProcess(`${this.spec.name}#${life}`)
    process.clockOffsetMs = this.spec.clockOffsetMs
    this.process = process
    world.schedule.after(0, process, () => this.#begin(life))
  }

  kill(): void {
    const { process } = this
    if (process === undefined || process.isDead) return
    this.#history.add({ kind: 'killed', user: this.spec.name, life: this.#life })
    this.client = undefined
    world.schedule.kill(process)
  }

  /** Leaves the page in order. */
  close(): void {
    const { process, client } = this
    if (process === undefined || process.isDead || client === undefined) return
    this.client = undefined
    world.schedule.after(0, process, () => {
      client.close()
      this.#history.add({ kind: 'closed', user: this.spec.name, life: this.#life })
      world.schedule.after(50, process, () => world.schedule.kill(process))
    })
  }

  #begin(life: number): void {
    const { name, role, rooms } = this.spec
    this.#history.add({ kind: 'opened', user: name, life })
    const granted = rooms.filter((room) => !isFeed(room))
    const isAdmin = role === 'admin'
    const claims = { sub: name, isAdmin, lifeMs: this.spec.tokenLifeMs, ...(!isAdmin && { rooms: granted }) }
    const client = createRecallClient({
      url: this.#url,
      positions: this.#positions(),
      getToken: async () => {
        if (this.spec.tokenDelayMs > 0) await wait(this.spec.tokenDelayMs)
        return signToken(claims)
      },
    })
    this.client = client
    client.on('state', ({ kind, code, reason }) =>
      this.#history.add({
        kind: 'state',
        user: name,
        life,
        state: kind,
        ...(code !== undefined && { code }),
        ...(reason !== undefined && { reason }),
      }),
    )
    client.on('error', () => undefined)
    client.on('gap', () => undefined)
    for (const habit of this.spec.listeners) this.#listen(client, life, habit)
  }

  #positions(): PositionStore {
    const { store } = this.spec
    if (store === 'memory') return memoryPositions()
    const texts = this.#texts
    if (store === 'session')
      return storedPositions({
        getItem: (key) => texts.get(key) ?? null,
        setItem: (key, text) => void texts.set(key, text),
      })
    return storedPositions({
      getItem: async (key) => {
        await wait(5)
        return texts.get(key) ?? null
      },
      setItem: async (key: string, text: string) => {
        await wait(8)
        texts.set(key, text)
      },
    })
  }

  #listen(client: RecallClient, life: number, habit: ListenerHabit): void {
    const { room } = habit
    const user = this.spec.name
    const listener = `${user} ${habit.name} in ${roomName(room)}`
    const about = { listener, life, room }
    let count = 0
    let subscription: Subscription
    const onNotice = (notice: Notice | MemberNotice): unknown => {
      count++
      this.#history.add({
        kind: 'told',
        ...about,
        offset: notice.offset,
        group: notice.group,
        ...(notice.topic !== undefined && { topic: notice.topic }),
        seqs: notice.messages.map(({ seq }) => seq),
        recalledAtMs: notice.recalledAtMs,
        hasOperator: 'operator' in notice,
      })
      const done = (isDone: boolean): void =>
        this.#history.add({ kind: 'handled', listener, life, offset: notice.offset, isDone })
      if (habit.throwsEvery > 0 && count % habit.throwsEvery === 0) {
        done(false)
        throw new Error('a listener that fails now and then')
      }
      if (habit.leavesEvery > 0 && count % habit.leavesEvery === 0) {
        this.#history.add({ kind: 'left', ...about, user })
        subscription.leave()
        // What it was doing does not count as handled.
        subscribe()
        return undefined
      }
      if (habit.tookMs === 0) return done(true)
      return wait(habit.tookMs).then(() => done(true))
    }
    const subscribe = (): void => {
      this.#history.add({ kind: 'followed', ...about, user })
      const own = client.subscribe(room, onNotice)
      subscription = own
      own.on('gap', ({ reason }) => {
        this.#history.add({ kind: 'gap', ...about, reason })
      })
      own.on('refused', ({ code, retry }) =>
        this.#history.add({ kind: 'refused', user, life, room, code, retry }),
      )
      own.on('state', ({ kind, code, reason }) => {
        if (own !== subscription || kind === 'closed') return
        const why = { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) }
        this.#history.add({ kind: 'state', user, life, listener, state: kind, ...why })
      })
    }
    subscribe()
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))
