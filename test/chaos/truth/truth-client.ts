import { setTimeout as delay } from 'node:timers/promises'
import { createRecallClient } from '../../../shared/client.ts'
import type { PositionStore, RecallClient, Subscription } from '../../../shared/client.ts'
import { isThenable } from '../../../shared/client/attempts.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { waitUntil } from '../../support/wait.ts'
import { FIRST_FILLER_SEQ } from '../sender.ts'
import type { Claim, Span, Told, TruthRecord } from './truth-record.ts'
import { seqsOf } from '../../support/seqs.ts'

/** The state is looked at this often, besides its events. */
const LOOK_INTERVAL_MS = 50
const LIVE_TIMEOUT_MS = 60_000

interface TruthClientOptions {
  readonly name: string
  /** Of the nodes. */
  readonly ports: readonly number[]
  readonly rooms: readonly Room[]
  readonly getToken: () => string | Promise<string>
  readonly record: (record: TruthRecord) => void
  /** Positions are loaded and saved after a moment, as in IndexedDB. */
  readonly hasSlowStore?: boolean
}

/** What a listener does with a notice, besides taking note of it. */
export type Behaviour = (leave: () => void) => unknown

/**
 * The client of the package, on a line of its own, as an app uses it: it follows rooms, it is closed, killed and started
 * again with its store. Everything it says and tells is recorded. Resolves once it is live.
 */
export async function startTruthClient(options: TruthClientOptions) {
  const { name, rooms, ports, getToken } = options
  const line = await startTcpProxy(...ports)
  const url = `http://127.0.0.1:${line.port}`
  const claims: Claim[] = []
  const stalls: Span[] = []
  const listeners = rooms.map((room) => new TruthListener(`${name} in ${roomName(room)}`, room))
  const stored = new Map<string, Position>()
  for (const listener of listeners)
    options.record({
      name: listener.name,
      room: listener.room,
      claims,
      stalls,
      followed: listener.followed,
      told: listener.told,
      gaps: listener.gaps,
      mayRepeatAfterKill: options.hasSlowStore ?? false,
    })
  let life: Life | undefined
  const look = (): void => note(life?.client.state.kind ?? 'closed')
  const note = (kind: string): void => {
    if (claims.at(-1)?.kind !== kind) claims.push({ atMs: performance.now(), kind })
  }
  const timer = setInterval(look, LOOK_INTERVAL_MS)

  function start(): void {
    life = new Life(url, getToken, storeOf(stored, options.hasSlowStore ?? false))
    life.client.on('state', look)
    for (const listener of listeners) listener.follow(life)
    look()
  }
  /** Ends this life; what the client does afterwards, nobody sees. */
  function end(how: 'close' | 'kill'): void {
    const ended = life
    life = undefined
    look()
    if (ended === undefined) return
    if (how === 'kill') ended.isDead = true
    for (const listener of listeners) listener.end()
    ended.client.close()
  }
  start()
  // One that is killed before its first position is stored has nothing to continue from.
  const hasBegun = (): boolean => life?.client.state.kind === 'live' && stored.size === rooms.length
  await waitUntil(`${name} is live`, hasBegun, LIVE_TIMEOUT_MS)

  return {
    name,
    line,
    listeners,
    /** What its client says now. */
    says: (): string => life?.client.state.kind ?? 'closed',
    /** The same with the reason. */
    explains: (): string => JSON.stringify(life?.client.state),
    start,
    close: () => end('close'),
    /** As when its process is killed: nothing is stored any more, and no handler goes on. */
    kill: () => end('kill'),
    /** For what happens behind the connection, where the client cannot see it. Returns how to end it. */
    recordStall(): () => void {
      const stall: Span = { fromMs: performance.now() }
      stalls.push(stall)
      return () => void (stall.toMs ??= performance.now())
    },
    async stop(): Promise<void> {
      clearInterval(timer)
      end('kill')
      line.stop()
    },
  }
}

export type TruthClient = Awaited<ReturnType<typeof startTruthClient>>

/** One page load, or one process: a client that was not closed yet. */
class Life {
  readonly client: RecallClient
  isDead = false

  constructor(url: string, getToken: () => string | Promise<string>, positions: PositionStore) {
    this.client = createRecallClient({
      url,
      getToken,
      positions: {
        load: (room) => positions.load(room),
        save: (room, position) => (this.isDead ? undefined : positions.save(room, position)),
      },
    })
    this.client.on('error', () => undefined)
  }
}

/** One listener of the app. It records what it was told, over all lives of its client. */
export class TruthListener {
  readonly name: string
  readonly room: Room
  readonly followed: Span[] = []
  readonly told: Told[] = []
  readonly gaps: number[] = []
  /** Runs with each notice. What it throws or waits for, the listener does. */
  behave: Behaviour = () => undefined
  #life: Life | undefined
  #subscription: Subscription | undefined
  #stopListening: (() => void) | undefined

  constructor(name: string, room: Room) {
    this.name = name
    this.room = room
  }

  get isFollowing(): boolean {
    return this.#subscription !== undefined
  }

  /** Listens in this life of the client, or again in the present one. */
  follow(life = this.#life): void {
    if (life === undefined) return
    this.#life = life
    const span: Span = { fromMs: performance.now() }
    this.followed.push(span)
    const isHere = (): boolean => !life.isDead && span.toMs === undefined
    this.#stopListening = life.client.on('gap', ({ room }) => {
      if (isHere() && roomName(room) === roomName(this.room)) this.gaps.push(performance.now())
    })
    const finish = (seqs: readonly number[], calledAtMs: number): unknown => {
      // The process is gone: whatever it was doing never ends.
      if (life.isDead) return new Promise(() => undefined)
      const isLate = !isHere()
      for (const seq of seqs) this.told.push({ calledAtMs, atMs: performance.now(), seq, isLate })
      return undefined
    }
    this.#subscription = life.client.subscribe(this.room, ({ messages }) => {
      const seqs = seqsOf(messages).filter((seq) => seq < FIRST_FILLER_SEQ)
      const calledAtMs = performance.now()
      const done = this.behave(() => this.leave())
      return isThenable(done) ? done.then(() => finish(seqs, calledAtMs)) : finish(seqs, calledAtMs)
    })
  }

  leave(): void {
    const subscription = this.#subscription
    this.end()
    subscription?.leave()
  }

  /** Notes that it does not listen any more. */
  end(): void {
    this.#subscription = undefined
    this.#stopListening?.()
    const span = this.followed.at(-1)
    if (span !== undefined) span.toMs ??= performance.now()
  }
}

/** The store of a tab or an app: it outlives the client. */
function storeOf(stored: Map<string, Position>, isSlow: boolean): PositionStore {
  const positions: PositionStore = {
    load: (room) => stored.get(room),
    save: (room, position) => void stored.set(room, position),
  }
  if (!isSlow) return positions
  return {
    async load(room) {
      await delay(Math.random() * 20)
      return positions.load(room)
    },
    async save(room, position) {
      await delay(Math.random() * 20)
      return positions.save(room, position)
    },
  }
}
