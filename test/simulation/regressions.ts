import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plan } from './plan.ts'

/** A plan that once violated a promise, and must not again. Each has a file in `regressions/`. */
export interface Regression {
  /** Names the fault. */
  readonly title: string
  readonly plan: Plan
}

const FOLDER = new URL('./regressions/', import.meta.url)

/** Loads all of them. */
export async function loadRegressions(): Promise<Regression[]> {
  const names = readdirSync(fileURLToPath(FOLDER)).filter((name) => name.endsWith('.js'))
  return Promise.all(
    names.toSorted().map(async (name) => {
      const loaded = (await import(new URL(name, FOLDER).href)) as { readonly regression: Regression }
      return loaded.regression
    }),
  )
}
