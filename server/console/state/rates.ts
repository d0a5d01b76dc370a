/** What a process tells again and again; counts are since its start. */
export interface Told {
  readonly id: string
  readonly reportedAtMs: number
  readonly counts: { readonly kept: number; readonly delivered: number }
}

export interface Rate {
  readonly keptPerS: number
  readonly deliveredPerS: number
}

interface Known {
  readonly told: Told
  readonly rate: Rate | undefined
}

/** Half of the time between two reports: two answers nearer than that hold the same report, read twice. */
const REPORTS_APART_MS = 1_000

/** Makes rates out of counts. */
export class Rates {
  #known = new Map<string, Known>()

  /** All processes together; undefined until two reports of one are known. */
  next(processes: readonly Told[]): Rate | undefined {
    this.#known = new Map(processes.map((told) => [told.id, this.#update(told)]))
    const rates = [...this.#known.values()].flatMap(({ rate }) => rate ?? [])
    if (rates.length === 0) return undefined
    return {
      keptPerS: rates.reduce((sum, { keptPerS }) => sum + keptPerS, 0),
      deliveredPerS: rates.reduce((sum, { deliveredPerS }) => sum + deliveredPerS, 0),
    }
  }

  #update(told: Told): Known {
    const known = this.#known.get(told.id)
    if (known === undefined) return { told, rate: undefined }
    const apartMs = told.reportedAtMs - known.told.reportedAtMs
    if (apartMs < REPORTS_APART_MS) return known
    const perS = (name: 'kept' | 'delivered'): number =>
      Math.max(0, ((told.counts[name] - known.told.counts[name]) * 1_000) / apartMs)
    return { told, rate: { keptPerS: perS('kept'), deliveredPerS: perS('delivered') } }
  }
}
