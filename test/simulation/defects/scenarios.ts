import { EVIDENCE_SCENARIOS } from './scenarios/evidence.ts'
import { LINE_SCENARIOS } from './scenarios/lines.ts'
import { RIGHTS_SCENARIOS } from './scenarios/rights.ts'
import { STORE_SCENARIOS } from './scenarios/stores.ts'
import { USER_SCENARIOS } from './scenarios/users.ts'

/** Short plans in which much can go wrong: each shows some of the defects quickly. What is drawn shows them too, later. */
export const SCENARIOS = {
  ...USER_SCENARIOS,
  ...RIGHTS_SCENARIOS,
  ...LINE_SCENARIOS,
  ...STORE_SCENARIOS,
  ...EVIDENCE_SCENARIOS,
}

export type ScenarioName = keyof typeof SCENARIOS
