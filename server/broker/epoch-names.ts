import { randomUUID } from 'node:crypto'

/** The length of an id of a power cut, in hexadecimal digits. */
export const CUT_LENGTH = 7
/** So many fit into an epoch. Receivers that lose their power together renew a room once, and not each other's epochs. */
const MAX_CUTS = 3

/** The scripts in Redis take no other sign for part of an epoch. */
const SEPARATOR = '_'
const CUT = new RegExp(`^[0-9a-f]{${CUT_LENGTH}}$`)

/** The power cuts since which the log has had another epoch. */
const cutsIn = (epoch: string): readonly string[] =>
  epoch
    .split(SEPARATOR)
    .slice(0, -1)
    .filter((cut) => CUT.test(cut))

/** Whether a log was given this epoch after the power cut with this id. */
export const isSince = (epoch: string, cut: string): boolean => cutsIn(epoch).includes(cut)

/** Returns an epoch that follows another one: it is after the same power cuts, and after this one. */
export function epochAfter(epoch: string, cut?: string): string {
  const cuts = new Set([...(cut === undefined ? [] : [cut]), ...cutsIn(epoch)])
  return [...[...cuts].slice(0, MAX_CUTS), randomUUID()].join(SEPARATOR)
}
