import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import fc from 'fast-check'
import { COMMIT_SEED } from '../support/commit-seed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { runDiskScript } from './conformance/disk-script.ts'
import type { FaultOutcome } from './conformance/faults.ts'
import { runNetworkScript } from './conformance/network-script.ts'
import { diskScript, networkScript, storeScript, timerScript } from './conformance/scripts.ts'
import type { Batch } from './conformance/simulated.ts'
import { runStoreScript } from './conformance/store-script.ts'
import { runTimerScript } from './conformance/timer-script.ts'

interface Outcome {
  readonly result: unknown
  readonly fingerprint: string
}
type Outcomes = Readonly<Record<'network' | 'store' | 'disk' | 'timers', readonly Outcome[]>> & {
  readonly faults: readonly FaultOutcome[]
  readonly storeFaults: readonly string[]
}

const NONE: Batch = { network: [], store: [], disk: [], timers: [], hasFaults: false }

const sample = <T>(scripts: fc.Arbitrary<T>, count: number): T[] =>
  fc.sample(scripts, { seed: COMMIT_SEED, numRuns: count })

/** Runs scripts in the simulated world, which has a process of its own. */
async function simulate(batch: Partial<Batch>): Promise<Outcomes> {
  const program = fileURLToPath(new URL('conformance/simulated.js', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ ...NONE, ...batch }))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await once(child, 'close')
  return JSON.parse(output) as Outcomes
}

/** Compares what each script led to; the shortest one that differs is shown. */
function compare(scripts: readonly unknown[], outcomes: readonly Outcome[], real: readonly unknown[]): void {
  expect(outcomes.length).to.equal(scripts.length)
  const different = scripts
    .map((script, i) => ({ script, simulated: outcomes[i]?.result, real: real[i] }))
    .filter((one) => JSON.stringify(one.simulated) !== JSON.stringify(one.real))
    .toSorted((a, b) => JSON.stringify(a.script).length - JSON.stringify(b.script).length)
  const [first] = different
  if (first === undefined) return
  const what = `seed ${COMMIT_SEED}, ${different.length} of ${scripts.length}, first: ${JSON.stringify(first.script)}`
  expect(first.simulated, what).to.deep.equal(first.real)
}

/** Resolves once the system and this process have dealt with all that sockets did before. */
async function settleLoopback(): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  server.unref()
  return async () => {
    for (let i = 0; i < 4; i++) {
      socket.write('x')
      await once(socket, 'data')
      await new Promise((resolve) => void setImmediate(resolve))
    }
  }
}

describe(`simulated world (seed ${COMMIT_SEED})`, () => {
  it('has a network that treats sockets as the loopback of this system does', async () => {
    const scripts = sample(networkScript, Number(process.env['RUNS'] ?? 50))
    const simulating = simulate({ network: scripts })
    const settle = await settleLoopback()
    const real: unknown[] = []
    for (const script of scripts) real.push(await runNetworkScript(script, { settle }))
    compare(scripts, (await simulating).network, real)
  })

  it('has stores that read and write as lmdb does', async () => {
    const scripts = sample(storeScript, Number(process.env['RUNS'] ?? 20))
    const simulating = simulate({ store: scripts })
    const folder = temporaryFolder()
    const real: unknown[] = []
    for (const [i, script] of scripts.entries())
      real.push(await runStoreScript(join(folder.path, `${i}`), script))
    folder.remove()
    compare(scripts, (await simulating).store, real)
  })

  it('has files that read, write and fail as those of the system do', async () => {
    const scripts = sample(diskScript, Number(process.env['RUNS'] ?? 60))
    const simulating = simulate({ disk: scripts })
    const folder = temporaryFolder()
    const real: unknown[] = []
    for (const [i, script] of scripts.entries())
      real.push(await runDiskScript(join(folder.path, `${i}`), script))
    folder.remove()
    compare(scripts, (await simulating).disk, real)
  })

  it('has timers that run in the order of Node', async () => {
    const scripts = sample(timerScript, Number(process.env['RUNS'] ?? 40))
    const simulating = simulate({ timers: scripts })
    const real = await Promise.all(scripts.map((script) => runTimerScript(script)))
    compare(scripts, (await simulating).timers, real)
  })

  it('takes the same turns each time, in one process and in another', async () => {
    const batch = {
      network: sample(networkScript, 10),
      store: sample(storeScript, 10),
      disk: sample(diskScript, 10),
      timers: sample(timerScript, 10),
    }
    const twice = {
      network: [...batch.network, ...batch.network],
      store: [...batch.store, ...batch.store],
      disk: [...batch.disk, ...batch.disk],
      timers: [...batch.timers, ...batch.timers],
    }
    const [one, other] = await Promise.all([simulate(twice), simulate(batch)])
    for (const kind of ['network', 'store', 'disk', 'timers'] as const) {
      const count = batch[kind].length
      expect(one[kind].slice(count), kind).to.deep.equal(one[kind].slice(0, count))
      expect(other[kind], kind).to.deep.equal(one[kind].slice(0, count))
    }
  })

  it('has processes, machines and lines that fail as those of Linux', async () => {
    const { faults, storeFaults } = await simulate({ hasFaults: true })
    // A flush that a kill interrupts has come to its end, or has changed nothing.
    expect(storeFaults).to.deep.equal([
      'a undefined at 5, written at 10, killed, a 1, b undefined',
      'a undefined at 5, written at 10, killed, a 2, b 2',
    ])
    const told = Object.fromEntries(faults.map(({ name, events }) => [name, events]))
    expect(told).to.deep.equal({
      // The system closes what a killed process held, with a reset if something was not read.
      'killed, all read': ['0.0 end', '0.0 close false'],
      'killed, something unread': ['2.0 read ECONNRESET', '2.0 close true'],
      // It opens connections by itself, and keeps what comes for the process.
      'frozen, then thawed': ['0.0 another connects', '100.0 data answer'],
      // What was lost is sent again after 0.2 s, and twice as long after that each time.
      'line down for 30 s': ['51.0 data answer'],
      'line down for ever': [
        '127.0 another: connect ETIMEDOUT 10.0.0.1:80',
        '924.6 read ETIMEDOUT',
        '924.6 close true',
      ],
      'line down for ever, asked whether alive': ['15.0 read ETIMEDOUT', '15.0 close true'],
      'power cut, on again after 20 s': ['25.4 read ECONNRESET', '25.4 close true'],
      'nobody listens': ['0.0 another: connect ECONNREFUSED 10.0.0.1:80'],
    })
  })
})
