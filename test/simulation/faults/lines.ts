import { net } from '../world/network.ts'
import type { Endpoint } from '../world/endpoint.ts'
import type { System } from '../system/system.ts'
import type { Random } from '../world/random.ts'
import type { Fault } from './fault.ts'

/** Two parts that talk to each other. */
function drawLine({ receivers, nodes, users, redis }: System, random: Random): readonly [string, string] {
  const kinds: (readonly (readonly [string, string])[])[] = [
    receivers.map(({ name }) => ['provider', name] as const),
    users.flatMap(({ spec }) => nodes.map(({ name }) => [spec.name, name] as const)),
    nodes.map(({ name }) => [name, 'backend'] as const),
    ...(redis ? [[...receivers, ...nodes].map(({ name }) => [name, 'redis'] as const)] : []),
  ]
  return random.pick(random.pick(kinds))
}

function userOf(system: System, random: Random): string | undefined {
  const [name] = drawLine(system, random)
  return system.users.some(({ spec }) => spec.name === name) ? name : undefined
}

const drawUser = ({ users }: System, random: Random): string => random.pick(users).spec.name

const endsBetween = (one: string, other: string): Endpoint[] =>
  net.network.between((a, b) => a.part === one && b.part === other)

/** What happens to the lines between parts. */
export const LINE_FAULTS: readonly Fault[] = [
  {
    name: 'connections cut',
    userOf,
    begin(system, random) {
      for (const end of endsBetween(...drawLine(system, random))) end.cut()
      return undefined
    },
  },
  {
    name: 'one connection cut',
    userOf,
    begin(system, random) {
      const ends = endsBetween(...drawLine(system, random))
      if (ends.length > 0) random.pick(ends).cut()
      return undefined
    },
  },
  {
    name: 'one connection half open',
    userOf,
    begin(system, random) {
      const ends = endsBetween(...drawLine(system, random))
      if (ends.length === 0) return undefined
      // For good: what was lost on its way does not come back when others get through again. Both sides believe in it until one
      // gives it up.
      random.pick(ends).isLost = true
      return undefined
    },
  },
  {
    name: 'line half open',
    userOf,
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      const line = random.chance(0.5) ? system.lines.between(one, other) : system.lines.between(other, one)
      line.isSwallowed = true
      return () => void (line.isSwallowed = false)
    },
  },
  {
    name: 'line broken',
    userOf,
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
    userOf,
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      const line = system.lines.between(one, other)
      line.isRefused = true
      for (const end of endsBetween(one, other)) end.cut()
      return () => void (line.isRefused = false)
    },
  },
  {
    name: 'line slow',
    userOf,
    begin(system, random) {
      const [one, other] = drawLine(system, random)
      const lines = system.lines.pair(one, other)
      const extraMs = random.pick([100, 500, 980, 1_050, 1_680, 2_050])
      for (const line of lines) line.extraMs = extraMs
      return () => {
        for (const line of lines) line.extraMs = 0
      }
    },
  },
  {
    name: 'nothing reaches a user',
    userOf: drawUser,
    begin(system, random) {
      const { lines, nodes } = system
      const name = drawUser(system, random)
      const all = nodes.map((node) => lines.between(node.name, name))
      for (const line of all) line.isSwallowed = true
      return () => {
        for (const line of all) line.isSwallowed = false
      }
    },
  },
]
