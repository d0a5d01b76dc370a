import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { openStore } from '../../../server/lib/data-dir.ts'
import { world } from '../world/world.ts'
import { disks } from '../world/stores.ts'
import { net } from '../world/network.ts'
import type { Line } from '../world/network.ts'
import { SimProcess } from '../world/schedule.ts'

// What happens to connections when the process, the machine or the line at the other end fails, which no loopback shows.

export interface FaultOutcome {
  readonly name: string
  /** What the client was told, with the virtual time since the fault, in seconds. */
  readonly events: readonly string[]
}

interface Scene {
  readonly client: SimProcess
  readonly server: SimProcess
  readonly line: Line
  /** The socket of the client, and that of the server. */
  readonly sockets: readonly [Socket, Socket]
  readonly inClient: (work: () => void) => void
  readonly inServer: (work: () => void) => void
  readonly pass: (seconds: number) => Promise<void>
}

const FAULTS: Readonly<Record<string, (scene: Scene) => Promise<void> | void>> = {
  'killed, all read': ({ server }) => world.schedule.kill(server),

  async 'killed, something unread'({ server, sockets: [socket, other], inClient, inServer, pass }) {
    inServer(() => other.pause())
    await pass(1)
    inClient(() => socket.write(Buffer.alloc(200_000)))
    await pass(1)
    world.schedule.kill(server)
  },

  async 'frozen, then thawed'({ server, sockets: [socket], inClient, pass }) {
    world.schedule.freeze(server)
    inClient(() => socket.write('asked'))
    inClient(() => connect(80, 'server').on('connect', () => socket.emit('told', 'another connects')))
    await pass(100)
    world.schedule.thaw(server)
  },

  async 'line down for 30 s'({ line, sockets: [socket], inClient, pass }) {
    line.isSwallowed = true
    inClient(() => socket.write('asked'))
    await pass(30)
    line.isSwallowed = false
  },

  'line down for ever'({ line, sockets: [socket], inClient }) {
    line.isSwallowed = true
    inClient(() => socket.write('asked'))
    inClient(() =>
      connect(80, 'server').on('error', (error) => socket.emit('told', `another: ${error.message}`)),
    )
  },

  'line down for ever, asked whether alive'({ line, sockets: [socket], inClient }) {
    inClient(() => socket.setKeepAlive(true, 5_000))
    line.isSwallowed = true
  },

  async 'power cut, on again after 20 s'({ server, sockets: [socket], inClient, pass }) {
    net.network.cutPower(server)
    inClient(() => socket.write('asked'))
    await pass(20)
    const again = new SimProcess('server again')
    world.schedule.after(0, again, () => void createServer().listen(80, 'server'))
  },

  'nobody listens'({ sockets: [socket], inServer, inClient }) {
    inServer(() => void listening?.close())
    inClient(() =>
      connect(80, 'server').on('error', (error) => socket.emit('told', `another: ${error.message}`)),
    )
  },
}

let listening: Server | undefined

/** Runs each on a fresh network, which `fresh` makes. */
export async function runFaults(fresh: () => void): Promise<FaultOutcome[]> {
  const outcomes: FaultOutcome[] = []
  for (const [name, fault] of Object.entries(FAULTS)) {
    fresh()
    const scene = await build()
    const events: string[] = []
    const sinceMs = world.schedule.nowMs
    const tell = (what: string): void =>
      void events.push(`${((world.schedule.nowMs - sinceMs) / 1_000).toFixed(1)} ${what}`)
    const [socket] = scene.sockets
    socket.on('data', (chunk: Buffer) => tell(`data ${chunk.toString()}`))
    for (const event of ['end', 'drain']) socket.on(event, () => tell(event))
    socket.on('error', (error) => tell(error.message))
    socket.on('close', (hadError) => tell(`close ${hadError}`))
    socket.on('told', tell)
    await fault(scene)
    await scene.pass(2_000)
    outcomes.push({ name, events })
  }
  return outcomes
}

/** Returns what is seen of a write during its flush, and after a kill during the flush of the next, for several seeds. */
export async function runStoreFaults(fresh: (seed: number) => void): Promise<readonly string[]> {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 8; seed++) {
    fresh(seed)
    const { schedule } = world
    const [owner, next] = [new SimProcess('owner'), new SimProcess('next')]
    const told: string[] = []
    disks.current.behaviourOf = () => ({ syncMs: () => 10, failure: undefined })
    const at = (ms: number, process: SimProcess, run: () => void): void => void schedule.at(ms, process, run)
    let db = {} as ReturnType<typeof openNumbers>
    at(0, owner, () => {
      db = openNumbers()
      void db.put('a', 1).then(() => told.push(`written at ${schedule.nowMs}`))
    })
    at(5, owner, () => told.push(`a ${db.get('a')} at 5`))
    at(15, owner, () => void Promise.all([db.put('a', 2), db.put('b', 2)]))
    at(20, owner, () => schedule.kill(owner))
    at(30, next, () => {
      db = openNumbers()
      told.push(`killed, a ${db.get('a')}, b ${db.get('b')}`)
    })
    await schedule.run(() => false)
    seen.add(told.join(', '))
  }
  return [...seen].toSorted()
}

const openNumbers = () => openStore('/simulated').openDB<number, string>('numbers', { encoding: 'json' })

async function build(): Promise<Scene> {
  const { schedule } = world
  const [client, server] = [new SimProcess('client'), new SimProcess('server')]
  const line: Line = { latencyMs: () => 1, isSwallowed: false, isRefused: false }
  net.network.lineBetween = () => line
  const pass = (seconds: number): Promise<void> => {
    const untilMs = schedule.nowMs + seconds * 1_000
    schedule.at(untilMs, new SimProcess('clock'), () => undefined)
    return schedule.run(() => schedule.nowMs >= untilMs)
  }
  let other: Socket | undefined
  let socket: Socket | undefined
  schedule.after(0, server, () => {
    listening = createServer((accepted) => {
      other = accepted
      accepted.on('data', () => accepted.write('answer')).on('error', () => undefined)
    }).listen(80, 'server')
  })
  schedule.after(10, client, () => (socket = connect(80, 'server')))
  await pass(1)
  if (socket === undefined || other === undefined) throw new Error('no connection')
  return {
    client,
    server,
    line,
    sockets: [socket, other],
    inClient: (work) => void schedule.after(0, client, work),
    inServer: (work) => void schedule.after(0, server, work),
    pass,
  }
}
