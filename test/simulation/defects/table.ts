import type { Defect } from './defect.ts'

/** What the table says of a defect. */
export const rowOf = ({ name, rules, shownBy, seeds }: Defect): string[] => [
  name,
  rules.join(', '),
  shownBy,
  seeds === undefined ? '–' : String(seeds),
]
