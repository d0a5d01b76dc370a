import { world } from '../world/globals.ts'
import { net } from '../world/network.ts'
import type { Fault } from './fault.ts'

/** What happens to processes of the gateway and of users. */
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
    name: 'gateway crashed',
    begin({ gateways }, random) {
      const { process } = random.pick(gateways)
      // It is started again at once.
      if (process && !process.isDead) world.schedule.kill(process)
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
    begin({ gateways }) {
      gateways.forEach((gateway, i) => {
        const process = gateway.process
        world.schedule.after(i * 3_000, gateway.operations, () => gateway.owns(process) && gateway.stop())
        world.schedule.after(i * 3_000 + 2_500, gateway.operations, () => gateway.start())
      })
      return undefined
    },
  },
  {
    name: 'gateway frozen',
    begin({ gateways }, random) {
      const { process } = random.pick(gateways)
      if (process === undefined) return undefined
      world.schedule.freeze(process)
      return () => world.schedule.thaw(process)
    },
  },
  {
    name: 'gateway without power',
    begin({ gateways }, random) {
      const gateway = random.pick(gateways)
      gateway.cutPower((process) => net.network.cutPower(process))
      return () => gateway.start()
    },
  },
  {
    name: 'clock of a gateway jumps',
    begin({ gateways }, random) {
      const { process } = random.pick(gateways)
      if (process === undefined) return undefined
      process.clockOffsetMs += random.pick([-3_600_000, -30_000, -900, 900, 30_000, 3_600_000])
      return undefined
    },
  },
  {
    name: 'user frozen',
    begin({ users }, random) {
      const { process } = random.pick(users)
      if (process === undefined) return undefined
      world.schedule.freeze(process)
      return () => world.schedule.thaw(process)
    },
  },
]
