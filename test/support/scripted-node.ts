import { mock } from 'node:test'
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import type { Scheduler } from 'fast-check'
import { pino } from 'pino'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { TimerWheel } from '../../server/lib/timers.ts'
import { createPageReader, LocalRooms } from '../../server/realtime/rooms/local-rooms.ts'
import { Session } from '../../server/realtime/sessions/session.ts'
import type { Position } from '../../shared/position.ts'
import { ADMIT_ALL } from './admit-all.ts'
import { Ear } from './room-observer.ts'
import { createScriptedBroker } from './scripted-broker.ts'

const log = pino({ level: 'silent' })
const metrics = createMetrics()
const ROOM = { group: 'g' }
const LINGER_MS = 5_000
/** A failed read of a log is tried again after a millisecond once chance is out of the game. */
const RETRY_MS = 3

/** Where a client says it stopped: where it did, a bit before, in another log, or further than the log ever was. */
export type Since = 'none' | 'own' | 'earlier' | 'foreign' | 'ahead'

interface Client {
  readonly ear: Ear
  session: Session
  end: () => void
}

/** A node of one room with some clients over a scripted broker; the scheduler decides what happens when. */
export function createScriptedNode(scheduler: Scheduler, clientCount: number, windowMs: number) {
  const step = (what: string): Promise<unknown> => scheduler.schedule(Promise.resolve(), what)
  const scripted = createScriptedBroker(step)
  const { broker } = scripted
  const random = Math.random
  // Rooms close once they have lingered, and not before the test says so. Retries wait no random time.
  mock.timers.enable({ apis: ['setTimeout'] })
  Math.random = () => 0

  /** A window of the outbox ends when the scheduler says so. */
  const clock = {
    now: () => 0,
    setTimeout(callback: () => void): { on: boolean } {
      const timer = { on: true }
      void step('window').then(() => timer.on && callback())
      return timer
    },
    clearTimeout(timer: unknown): void {
      if (timer !== undefined) (timer as { on: boolean }).on = false
    },
  }

  const rooms = new LocalRooms(
    { batchWindowMs: windowMs },
    {
      broker,
      metrics,
      log,
      clock,
      hub: {
        broadcast(_room, epoch, notices) {
          for (const { ear } of clients) if (ear.isIn) ear.onNotices(epoch, notices)
        },
        broadcastGap(_room, _reason, position) {
          for (const { ear } of clients) if (ear.isIn) ear.onGap(position)
        },
      },
    },
  )

  function connect(ear: Ear): Omit<Client, 'ear'> {
    let isOpen = true
    const session = new Session(
      { id: 'a', role: 'admin', grants: [], expiresAtMs: Number.MAX_SAFE_INTEGER },
      {
        isOpen: () => isOpen,
        flushed: async () => undefined,
        join: () => ear.onJoin(),
        leave: () => void (ear.isIn = false),
        replay: (_room, epoch, notices) => ear.onNotices(epoch, notices),
        sendUnsubscribed: () => ear.faults.push('unsubscribed without asking'),
        close: () => ear.faults.push('closed by the node'),
        sendGap: (_room, _reason, position) => ear.onGap(position),
      },
      {
        broker,
        rooms,
        metrics,
        log,
        readPage: createPageReader(broker),
        authorization: ADMIT_ALL,
        timers: new TimerWheel(),
      },
    )
    const end = (): void => {
      isOpen = false
      ear.isIn = false
      session.end()
    }
    return { session, end }
  }

  const clients: Client[] = Array.from({ length: clientCount }, () => {
    const ear = new Ear()
    return { ear, ...connect(ear) }
  })

  const client = (index: number): Client => {
    const found = clients[index]
    if (found === undefined) throw new Error(`there is no client ${index}`)
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
    ears: clients.map(({ ear }) => ear),

    subscribe(index: number, kind: Since): void {
      const { session, ear } = client(index)
      const since = positionFor(kind, ear.position)
      void session.subscribe({ ...ROOM, ...(since && { since }) }, (answer) => {
        // A refusal may still come when the socket is gone already; nobody hears it then.
        if (session === client(index).session) ear.onAnswer(since, answer)
      })
    },

    unsubscribe(index: number): void {
      const { session, ear } = client(index)
      void session.unsubscribe(ROOM, (answer) => {
        if (!answer.ok) ear.faults.push(`unsubscribe refused with ${answer.code}`)
        if (session === client(index).session && ear.isIn) ear.faults.push('in the room after unsubscribe')
      })
    },

    /** The connection of the client ends; it has a new one at once. */
    reconnect(index: number): void {
      const one = client(index)
      one.end()
      Object.assign(one, connect(one.ear))
    },

    /**
     * Whether the node can tell that its log lost entries: each open room has handed on a notice since it took its
     * position, to hold against what the log has there.
     */
    canTellLoss: (): boolean =>
      rooms.all().length === scripted.listeners() && rooms.all().every(({ tail }) => tail.length > 0),

    /** What the node does every half minute. */
    compare: (): Promise<void> => rooms.checkHeads(),

    /** Lets everything happen that is under way. */
    async settle(): Promise<void> {
      do {
        const failed = scripted.failed()
        await scheduler.waitIdle()
        await (scripted.failed() > failed ? delay(RETRY_MS) : immediate())
      } while (scheduler.count() > 0)
    },

    /** The time passes for which unused rooms are kept. */
    passTime: (): void => mock.timers.tick(LINGER_MS),

    /** Every client goes away, and the time passes for which unused rooms are kept. */
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
