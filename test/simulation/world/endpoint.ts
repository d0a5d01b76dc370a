import { world } from './world.ts'
import type { Network } from './network.ts'
import { OUTSIDE } from './schedule.ts'
import type { SimProcess } from './schedule.ts'
import { retryMs, Transmission } from './transmission.ts'
import type { End, Failure, Segment } from './transmission.ts'

// What the TCP of an operating system does for one end of a connection. It goes on while the process is frozen, and after it
// has been killed, so what it does are events of its own, and only what it tells the process are events of the process.

/**
 * Bytes that one end has sent and the process at the other end has not read, beyond which a write waits. On a loopback they are
 * no whole number of reads: the last one is short, and after a short one libuv does not ask why a connection ended.
 */
const WINDOW_BYTES = 127_500
/** As much as the system gives a process at a time. */
const READ_BYTES = 64 * 1024
/** As libuv sets it: a silent peer is asked every second, ten times. */
const [KEEP_ALIVE_INTERVAL_MS, KEEP_ALIVE_PROBES] = [1_000, 10]

/** The process at this end. Each call is a turn of its own. */
export interface Application {
  readonly onConnected: (failure?: Failure) => void
  /** Undefined for the end of what the peer sends. */
  readonly onRead: (bytes: Buffer | undefined) => void
  readonly onReadFailure: (failure: Failure) => void
  /** A write that waited has ended. */
  readonly onWritten: (failure?: Failure) => void
}

export class Endpoint implements End {
  readonly owner: SimProcess
  readonly address: string
  readonly port: number
  readonly #network: Network
  readonly #sent: Transmission
  peer: Endpoint | undefined
  app: Application | undefined
  isClosed = false
  /** Its machine has no power. */
  isDark = false
  /** This connection alone: what either end sends is lost, and nobody is told. */
  isLost = false
  /** Its machine had no power since the connection began, and knows nothing of it. */
  isForgotten = false
  bytesRead = 0
  bytesWritten = 0

  #isReading = false
  #isTelling = false
  readonly #received: Buffer[] = []
  #hasEnded = false
  #isEndTold = false
  #endsUnasked = false
  #failure: Failure | undefined
  #isFailureTold = false

  #inFlight = 0
  #waiting: Buffer | undefined
  #isPumping = false
  #isShut = false
  #keepAlives = 0

  constructor(network: Network, owner: SimProcess, address: string, port: number) {
    this.#network = network
    this.owner = owner
    this.address = address
    this.port = port
    this.#sent = new Transmission(network, this)
    network.add(this)
  }

  get waitingBytes(): number {
    return this.#waiting?.length ?? 0
  }

  /** Returns undefined once all is taken, `waits` if `onWritten` will be called, or why it cannot be sent. */
  write(bytes: Buffer): undefined | 'waits' | Failure {
    // Node counts what it tries.
    this.bytesWritten += bytes.length
    if (this.#failure !== undefined) return this.#tellWriteFailure()
    if (this.#isShut) return 'EPIPE'
    const room = WINDOW_BYTES - this.#inFlight
    if (bytes.length <= room) {
      this.#send(bytes)
      return undefined
    }
    if (room > 0) this.#send(bytes.subarray(0, room))
    this.#waiting = bytes.subarray(Math.max(0, room))
    return 'waits'
  }

  /** No more is written. */
  shut(): void {
    if (this.#isShut || this.#failure !== undefined) return
    this.#isShut = true
    this.#sent.send('end')
  }

  /** Lets go of the connection. What was not read, or `isReset`, makes the peer see a reset instead of an end. */
  close(isReset = false): void {
    if (this.isClosed) return
    this.isClosed = true
    this.app = undefined
    this.#waiting = undefined
    this.#network.remove(this)
    if (this.isDark || this.#failure !== undefined) return
    if (isReset || this.#received.length > 0) {
      this.#sent.forget()
      this.#sent.send('reset')
    } else this.shut()
  }

  startReading(): void {
    this.#isReading = true
    if (this.#hasNews && !this.#isTelling) this.#tellLater()
  }

  stopReading(): void {
    this.#isReading = false
  }

  /** Asks a silent peer whether it is there, as a process may wish. */
  keepAlive(delayMs: number | undefined): void {
    const generation = ++this.#keepAlives
    if (delayMs === undefined) return
    let probes = 0
    const check = (): void => {
      if (generation !== this.#keepAlives || this.isClosed || this.#failure !== undefined) return
      if (this.#sent.isReachable) probes = 0
      else if (this.peer?.isForgotten && !this.peer.isDark) return this.fail('ECONNRESET')
      else if (++probes > KEEP_ALIVE_PROBES) return this.fail('ETIMEDOUT')
      world.schedule.after(probes === 0 ? delayMs : KEEP_ALIVE_INTERVAL_MS, OUTSIDE, check)
    }
    world.schedule.after(delayMs, OUTSIDE, check)
  }

  /** The handshake has ended. */
  connected(failure?: Failure): void {
    if (failure !== undefined) {
      this.#failure = failure
      this.#isFailureTold = true
    }
    this.#inTurn(() => this.app?.onConnected(failure))
  }

  /** The connection is gone, and the system learns it now. */
  fail(failure: Failure): void {
    if (this.isClosed || this.#failure !== undefined) return
    this.#failure = this.#hasEnded && failure === 'ECONNRESET' ? 'EPIPE' : failure
    this.#sent.forget()
    if (this.#isReading && !this.#isEndTold) this.#wake()
    else if (this.#waiting !== undefined) this.#tellWritten()
  }

  /** Cut on the way, by something that tells both ends. */
  cut(): void {
    for (const end of [this, this.peer])
      if (end) world.schedule.after(0, OUTSIDE, () => end.fail('ECONNRESET'))
  }

  #send(bytes: Buffer): void {
    this.#inFlight += bytes.length
    this.#sent.send(bytes)
  }

  arrive(segments: readonly Segment[]): void {
    for (const one of segments) this.#take(one)
    if (this.#hasNews) this.#wake()
  }

  #take(segment: Segment): void {
    // A machine without power answers nothing. What was on the way is sent again, to nobody.
    if (this.isDark || this.isForgotten) {
      if (this.peer) this.peer.#wasLost(segment)
      return
    }
    if (segment === 'reset') return this.fail('ECONNRESET')
    if (this.isClosed || this.#failure !== undefined) {
      if (segment !== 'end') this.#sent.send('reset')
      return
    }
    if (segment === 'end') this.#hasEnded = true
    else this.#received.push(segment)
  }

  #wasLost(segment: Segment): void {
    if (segment === 'reset' || this.isDark || this.#failure !== undefined) return
    this.#sent.wasLost(segment)
  }

  get #hasNews(): boolean {
    return (
      this.#received.length > 0 ||
      ((this.#hasEnded || this.#endsUnasked) && !this.#isEndTold) ||
      (this.#failure !== undefined && !this.#isFailureTold && !this.#isEndTold)
    )
  }

  #wake(): void {
    if (!this.#isReading || this.#isTelling) return
    if (this.owner.isFrozen) return this.#tellLater()
    world.schedule.current = this.owner
    this.#tell()
  }

  #tellLater(): void {
    this.#isTelling = true
    world.schedule.after(0, this.owner, () => {
      this.#isTelling = false
      this.#tell()
    })
  }

  /** Tells one thing: what arrived, then the end or the failure. */
  #tell(): void {
    const { app } = this
    if (app === undefined || !this.#isReading) return
    if (this.#received.length > 0) {
      const bytes = takeSome(this.#received)
      // Of a connection that was reset meanwhile, libuv tells the end after the last bytes, without asking for the reason.
      if (this.#failure !== undefined && bytes.length < READ_BYTES) this.#endsUnasked = true
      this.bytesRead += bytes.length
      if (this.peer) this.peer.#onRead(bytes.length)
      if (this.#hasNews) this.#tellLater()
      app.onRead(bytes)
    } else if ((this.#hasEnded || this.#endsUnasked) && !this.#isEndTold) {
      this.#isEndTold = true
      app.onRead(undefined)
    } else if (this.#failure !== undefined && !this.#isFailureTold && !this.#isEndTold) {
      this.#isFailureTold = true
      app.onReadFailure(this.#failure)
    }
  }

  /** The process at the other end has read this many bytes, so there is room for more. */
  #onRead(bytes: number): void {
    this.#inFlight -= bytes
    if (this.#waiting !== undefined && !this.#isPumping) this.#pumpAfter(0)
  }

  #pumpAfter(attempt: number): void {
    const { peer } = this
    if (peer === undefined) return
    this.#isPumping = true
    const { latencyMs } = this.#network.lineBetween(peer.owner, this.owner)
    world.schedule.after(attempt === 0 ? latencyMs() / 2 : retryMs(attempt - 1), OUTSIDE, () => {
      this.#isPumping = false
      const waiting = this.#waiting
      if (waiting === undefined || this.#failure !== undefined) return
      if (!this.#sent.isReachable) return this.#pumpAfter(attempt + 1)
      const room = WINDOW_BYTES - this.#inFlight
      this.#waiting = waiting.subarray(room)
      this.#send(waiting.subarray(0, room))
      if (this.#waiting.length === 0) this.#tellWritten()
    })
  }

  #tellWritten(): void {
    this.#inTurn(() => {
      if (this.#waiting === undefined) return
      this.#waiting = undefined
      this.app?.onWritten(this.#failure && this.#tellWriteFailure())
    })
  }

  #tellWriteFailure(): Failure {
    const failure = this.#isFailureTold || this.#hasEnded ? 'EPIPE' : (this.#failure ?? 'EPIPE')
    this.#isFailureTold = true
    return failure
  }

  /** From an event of the system: what the process does about it is its turn, which waits while it is frozen. */
  #inTurn(run: () => void): void {
    if (this.owner.isFrozen) return void world.schedule.after(0, this.owner, run)
    if (this.owner.isDead) return
    world.schedule.current = this.owner
    run()
  }
}

function takeSome(received: Buffer[]): Buffer {
  const taken: Buffer[] = []
  let room = READ_BYTES
  while (room > 0) {
    const next = received.shift()
    if (next === undefined) break
    taken.push(next.subarray(0, room))
    if (next.length > room) received.unshift(next.subarray(room))
    room -= Math.min(room, next.length)
  }
  const [first] = taken
  return first !== undefined && taken.length === 1 ? first : Buffer.concat(taken)
}
