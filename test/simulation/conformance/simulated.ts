import '../world/install.ts'
import { world } from '../world/world.ts'
import { Disks, disks } from '../world/stores.ts'
import { Network, net } from '../world/network.ts'
import { Random } from '../world/random.ts'
import { Schedule, SimProcess } from '../world/schedule.ts'

// A process of its own, in which scripts run in the simulated world: they come over standard input, and their outcomes go to
// standard output.

const { runDiskScript } = await import('./disk-script.ts')
const { runFaults, runStoreFaults } = await import('./faults.ts')
const { runNetworkScript } = await import('./network-script.ts')
const { runStoreScript } = await import('./store-script.ts')
const { runTimerScript } = await import('./timer-script.ts')

export interface Batch {
  readonly network: readonly Parameters<typeof runNetworkScript>[0][]
  readonly store: readonly Parameters<typeof runStoreScript>[1][]
  readonly disk: readonly Parameters<typeof runDiskScript>[1][]
  readonly timers: readonly Parameters<typeof runTimerScript>[0][]
  readonly hasFaults: boolean
}

function fresh(seed = 1): void {
  world.schedule = new Schedule()
  world.random = new Random(seed)
  net.network = new Network()
  disks.current = new Disks()
}

async function simulate<T>(work: () => Promise<T>): Promise<{ result: T; fingerprint: string }> {
  fresh()
  const { schedule } = world
  const process = new SimProcess('process')
  let outcome: { result: T } | { error: unknown } | undefined
  schedule.after(0, process, () => {
    work().then(
      (result) => (outcome = { result }),
      (error: unknown) => (outcome = { error }),
    )
  })
  await schedule.run(() => outcome !== undefined)
  if (outcome === undefined) throw new Error('the script came to a halt')
  if ('error' in outcome) throw outcome.error
  return { ...outcome, fingerprint: schedule.fingerprint }
}

const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 50))

let input = ''
for await (const chunk of process.stdin) input += String(chunk)
const { network, store, disk, timers, hasFaults } = JSON.parse(input) as Batch
const outcomes: Record<'network' | 'store' | 'disk' | 'timers', unknown[]> = {
  network: [],
  store: [],
  disk: [],
  timers: [],
}
for (const script of network)
  outcomes.network.push(await simulate(() => runNetworkScript(script, { settle })))
for (const script of store) outcomes.store.push(await simulate(() => runStoreScript('/simulated', script)))
for (const script of disk) outcomes.disk.push(await simulate(() => runDiskScript('/simulated', script)))
for (const script of timers) outcomes.timers.push(await simulate(() => runTimerScript(script)))
const faults = hasFaults ? await runFaults(fresh) : []
const storeFaults = hasFaults ? await runStoreFaults(fresh) : []
process.stdout.write(JSON.stringify({ ...outcomes, faults, storeFaults }), () => process.exit(0))
