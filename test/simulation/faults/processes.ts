import type { System } from '../system/system.ts'
import type { User } from '../system/user.ts'
import type { Random } from '../world/random.ts'
import type { SimProcess } from '../world/schedule.ts'
import { world } from '../world/world.ts'
import { net } from '../world/network.ts'
import type { Fault } from './fault.ts'

/** One that is crashed in a loop dies so long after the crash before. */
const LOOP_MS = [1_050, 1_400, 2_600] as const

function freeze(process: SimProcess | undefined): (() => void) | undefined {
  if (process === undefined) return undefined
  world.schedule.freeze(process)
  return () => world.schedule.thaw(process)
}

/** It is started again at once. */
function crash({ gateways }: System, random: Random): void {
  const { process } = random.pick(gateways)
  if (process && !process.isDead) world.schedule.kill(process)
}

const cut = (process: SimProcess): void => net.network.cutPower(process)

/** What happens to processes of the gateway. */
export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'gateway killed',
    begin({ gateways }, random) {
      const gateway = random.pick(gateways)
      gateway.kill()
      return () => gateway.start()
    },
  },
  {
    name: 'all gateways killed',
    begin({ gateways }) {
      for (const gateway of gateways) gateway.kill()
      return () => {
        for (const gateway of gateways) gateway.start()
      }
    },
  },
  {
    name: 'gateway crashed',
    begin(system, random) {
      crash(system, random)
      return undefined
    },
  },
  {
    name: 'gateway crashes in a loop',
    begin(system, random, durationMs) {
      const everyMs = random.pick(LOOP_MS)
      for (let ms = 0; ms < durationMs; ms += everyMs) system.disturbAfter(ms, () => crash(system, random))
      return undefined
    },
  },
  {
    name: 'gateway stopped',
    begin({ gateways }, random) {
      const gateway = random.pick(gateways)
      gateway.stop()
      return () => gateway.start()
    },
  },
  {
    name: 'rolling restart',
    begin(system, random) {
      const [everyMs, downMs] = random.pick([
        [3_000, 2_500],
        [1_200, 1_100],
        [300, 200],
      ] as const)
      system.gateways.forEach((gateway, i) => {
        const { process } = gateway
        system.disturbAfter(i * everyMs, () => gateway.owns(process) && gateway.stop())
        system.disturbAfter(i * everyMs + downMs, () => gateway.start())
      })
      return undefined
    },
  },
  {
    name: 'gateway frozen',
    begin: ({ gateways }, random) => freeze(random.pick(gateways).process),
  },
  {
    name: 'gateway frozen and thawed again and again',
    begin(system, random, durationMs) {
      const { process } = random.pick(system.gateways)
      if (process === undefined) return undefined
      const everyMs = random.pick([700, 1_900, 3_300])
      for (let ms = 0; ms < durationMs; ms += everyMs) {
        system.disturbAfter(ms, () => world.schedule.freeze(process))
        system.disturbAfter(ms + everyMs * 0.6, () => world.schedule.thaw(process))
      }
      return () => world.schedule.thaw(process)
    },
  },
  {
    name: 'gateway without power',
    begin({ gateways }, random) {
      const gateway = random.pick(gateways)
      gateway.cutPower(cut)
      return () => gateway.start()
    },
  },
  {
    name: 'clock of a gateway jumps',
    begin({ gateways, history }, random) {
      const { process } = random.pick(gateways)
      if (process === undefined) return undefined
      process.clockOffsetMs += random.pick([-3_600_000, -30_000, -900, 900, 30_000, 3_600_000])
      history.add({ kind: 'clock', process: process.name, offsetMs: process.clockOffsetMs })
      return undefined
    },
  },
]

const drawUser = ({ users }: System, random: Random): User => random.pick(users)
const userOf = (system: System, random: Random): string => drawUser(system, random).spec.name

/** What happens to the devices of users. */
export const USER_FAULTS: readonly Fault[] = [
  {
    name: 'user frozen',
    userOf,
    begin(system, random) {
      const user = drawUser(system, random)
      const thaw = freeze(user.process)
      const isHinted = random.chance(0.5)
      return (
        thaw &&
        (() => {
          thaw()
          if (isHinted) user.hint()
        })
      )
    },
  },
  {
    name: 'clock of a user jumps',
    userOf,
    begin(system, random) {
      const { process } = drawUser(system, random)
      if (process) process.clockOffsetMs += random.pick([-86_400_000, -5_000, 5_000, 86_400_000])
      return undefined
    },
  },
]
