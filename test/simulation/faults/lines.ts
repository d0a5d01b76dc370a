import { net } from '../world/network.ts'
import type { System } from '../system/system.ts'
import type { Random } from '../world/random.ts'
import type { Fault } from './fault.ts'

/** Two parts that talk to each other. */
function drawLine({ receivers, nodes, users, redis }: System, random: Random): readonly [string, string] {
  const lines: (readonly [string, string])[] = [
    ...receivers.map(({ name }) => ['provider', name] as const),
    ...users.flatMap(({ spec }) => nodes.map(({ name }) => [spec.name, name] as const)),
    ...(redis ? [...receivers, ...nodes].map(({ name }) => [name, 'redis'] as const) : []),
  ]
  return random.pick(lines)
}

/** What happens to the lines between parts. */
export const LINE_FAULTS: readonly Fault[] = [
  {
    name: 'connections cut',
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      for (const end of net.network.between((a, b) => a.part === one && b.part === other)) end.cut()
      return undefined
    },
  },
  {
    name: 'line half open',
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      const line = random.chance(0.5) ? system.lines.between(one, other) : system.lines.between(other, one)
      line.isSwallowed = true
      return () => void (line.isSwallowed = false)
    },
  },
  {
    name: 'line broken',
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      const lines = system.lines.pair(one, other)
      for (const line of lines) line.isSwallowed = true
      return () => {
        for (const line of lines) line.isSwallowed = false
      }
    },
  },
  {
    name: 'connections refused',
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      const line = system.lines.between(one, other)
      line.isRefused = true
      for (const end of net.network.between((a, b) => a.part === one && b.part === other)) end.cut()
      return () => void (line.isRefused = false)
    },
  },
  {
    name: 'line slow',
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      const lines = system.lines.pair(one, other)
      const extraMs = random.pick([100, 500, 1_500])
      for (const line of lines) line.extraMs = extraMs
      return () => {
        for (const line of lines) line.extraMs = 0
      }
    },
  },
]
