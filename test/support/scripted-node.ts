import { mock } from 'node:test'
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import type { Scheduler } from 'fast-check'
import { pino } from 'pino'
import { TimerWheel } from '../../server/lib/timers.ts'
import { RequestTurns } from '../../server/lib/request-turns.ts'
import { createPageReader, LocalRooms } from '../../server/realtime/rooms/local-rooms.ts'
import { Session } from '../../server/realtime/sessions/session.ts'
import { UserBudgets } from '../../server/realtime/sessions/user-budgets.ts'
import { createRefusals } from '../../server/telemetry/refusals.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import type { Position } from '../../shared/position.ts'
import { ALLOW_ALL } from './allow-all.ts'
import { RoomObserver } from './room-observer.ts'
import { createScriptedBroker } from './scripted-broker.ts'

const log = pino({ level: 'silent' })
const metrics = createMetrics()
const ROOM = { group: 'g' }
const LINGER_MS = 5_000
/** Without jitter, a failed read of a log is retried after a millisecond. */
const RETRY_MS = 3

/** The position a client sends: its own, a bit before that, in another log, or beyond the end of the log. */
export type Since = 'none' | 'own' | 'earlier' | 'foreign' | 'ahead'

interface Client {
  readonly observer: RoomObserver
  session: Session
  end: () => void
}

/** A node with one room and some clients, on a scripted broker. The scheduler decides what happens when. */
export function createScriptedNode(scheduler: Scheduler, clientCount: number, windowMs: number) {
  const step = (what: string): Promise<unknown> => scheduler.schedule(Promise.resolve(), what)
  const scripted = createScriptedBroker(step)
  const { broker } = scripted
  const random = Math.random
  // Lingering rooms close when the test says so, and retries have no jitter.
  mock.timers.enable({ apis: ['setTimeout'] })
  Math.random = () => 0

  /** A batch window ends when the scheduler says so. */
  const clock = {
    now: () => 0,
    setTimeout(callback: () => void): { isActive: boolean } {
      const timer = { isActive: true }
      void step('window').then(() => timer.isActive && callback())
      return timer
    },
    clearTimeout(timer: unknown): void {
      if (timer !== undefined) (timer as { isActive: boolean }).isActive = false
    },
  }

  const rooms = new LocalRooms(
    { batchWindowMs: windowMs },
    {
      broker,
      metrics,
      log,
      clock,
      pace: () => 1,
      hub: {
        broadcast(_room, epoch, notices) {
          for (const { observer } of clients) if (observer.isJoined) observer.onNotices(epoch, notices)
        },
        broadcastGap(_room, _reason, position) {
          for (const { observer } of clients) if (observer.isJoined) observer.onGap(position)
        },
      },
    },
  )

  function connect(observer: RoomObserver): Omit<Client, 'observer'> {
    let isOpen = true
    const session = new Session(
      { id: 'a', role: 'admin', grants: [], expiresAtMs: Number.MAX_SAFE_INTEGER },
      {
        kind: 'websocket',
        waitingBytes: () => 0,
        isOpen: () => isOpen,
        flushed: async () => undefined,
        join: () => observer.onJoin(),
        leave: () => observer.onLeave(),
        finish: () => observer.onLeave(),
        replay: (_room, epoch, notices) => observer.onNotices(epoch, notices),
        sendUnsubscribed: () => observer.faults.push('unsubscribed without a request'),
        close: () => observer.faults.push('closed by the node'),
        sendGap: (_room, _reason, position) => observer.onGap(position),
        onDelivery: () => undefined,
        rest: () => undefined,
      },
      {
        broker,
        rooms,
        metrics,
        refusals: createRefusals(metrics, log),
        readPage: createPageReader(broker),
        doubtOf: () => undefined,
        authorization: ALLOW_ALL,
        timers: new TimerWheel(),
        userBudgets: new UserBudgets(),
        turns: new RequestTurns(),
      },
    )
    const end = (): void => {
      isOpen = false
      observer.onLeave()
      session.end()
    }
    return { session, end }
  }

  const clients: Client[] = Array.from({ length: clientCount }, () => {
    const observer = new RoomObserver()
    return { observer, ...connect(observer) }
  })

  const client = (index: number): Client => {
    const found = clients[index]
    if (found === undefined) throw new Error(`no client ${index}`)
    return found
  }

  function positionFor(since: Since, position: Position | undefined): Position | undefined {
    if (since === 'foreign') return { epoch: 'another', offset: 1 }
    if (since === 'none' || position === undefined) return undefined
    if (since === 'ahead') return { ...position, offset: position.offset + 1_000 }
    return since === 'own' ? position : { ...position, offset: Math.max(0, position.offset - 2) }
  }

  return {
    scripted,
    rooms,
    observers: clients.map(({ observer }) => observer),

    subscribe(index: number, kind: Since): void {
      const { session, observer } = client(index)
      const since = positionFor(kind, observer.position)
      void session.subscribe({ ...ROOM, ...(since && { since }) }, (response) => {
        // A refusal may still come after the connection has closed; the client does not receive it.
        if (session === client(index).session) observer.onAck(since, response)
      })
    },

    unsubscribe(index: number): void {
      const { session, observer } = client(index)
      void session.unsubscribe(ROOM, (response) => {
        if (!response.ok) observer.faults.push(`unsubscribe refused with ${response.code}`)
        if (session === client(index).session && observer.isJoined)
          observer.faults.push('in the room after unsubscribe')
      })
    },

    /** Closes the client's connection and opens another. */
    reconnect(index: number): void {
      const one = client(index)
      one.end()
      Object.assign(one, connect(one.observer))
    },

    /**
     * Whether the node can detect that its log lost entries: every open room has a delivered notice to compare with the
     * log.
     */
    canDetectLoss: (): boolean =>
      rooms.all().length === scripted.listeners() && rooms.all().every(({ tail }) => tail.length > 0),

    /** Checks heads, as the node does every half minute. */
    checkHeads: (): Promise<void> => rooms.checkHeads(),

    /** Runs until nothing is pending. */
    async settle(): Promise<void> {
      do {
        const failed = scripted.failed()
        await scheduler.waitIdle()
        await (scripted.failed() > failed ? delay(RETRY_MS) : immediate())
      } while (scheduler.count() > 0)
    },

    /** Lets the time pass for which unused rooms linger. */
    passTime: (): void => mock.timers.tick(LINGER_MS),

    /** Disconnects every client, and closes all rooms. */
    async endAll(): Promise<void> {
      for (const { end } of clients) end()
      await this.settle()
      this.passTime()
    },

    close(): void {
      rooms.closeAll()
      mock.timers.reset()
      Math.random = random
    },
  }
}

export type ScriptedNode = ReturnType<typeof createScriptedNode>
