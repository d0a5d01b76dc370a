import type { ProcessState } from '../../../shared/http-api.ts'

/** Webhooks of the last five minutes, of all receivers together. */
export interface Webhooks {
  readonly ok: number
  /** The worst code first. */
  readonly refused: readonly WebhookCount[]
  readonly failed: readonly WebhookCount[]
  readonly refusedCount: number
  readonly failedCount: number
  /** Null if none was ever answered with OK. */
  readonly lastOkAgeMs: number | null
}

export interface WebhookCount {
  readonly code: string
  readonly count: number
}

/** Returns what the receivers answered; undefined if none reports. */
export function sumWebhooks(processes: readonly ProcessState[]): Webhooks | undefined {
  const known = processes.flatMap(({ webhooks }) => webhooks ?? [])
  if (known.length === 0) return undefined
  const ages = known.flatMap(({ lastOkAgeMs }) => lastOkAgeMs ?? [])
  const refused = sumByCode(known.map((one) => one.refused))
  const failed = sumByCode(known.map((one) => one.failed))
  return {
    ok: known.reduce((sum, { ok }) => sum + ok, 0),
    refused,
    failed,
    refusedCount: total(refused),
    failedCount: total(failed),
    lastOkAgeMs: ages.length === 0 ? null : Math.min(...ages),
  }
}

function sumByCode(all: readonly Readonly<Record<string, number>>[]): readonly WebhookCount[] {
  const counts = new Map<string, number>()
  for (const [code, count] of all.flatMap(Object.entries<number>))
    counts.set(code, (counts.get(code) ?? 0) + count)
  return [...counts]
    .map(([code, count]) => ({ code, count }))
    .filter(({ count }) => count > 0)
    .toSorted((one, other) => other.count - one.count)
}

const total = (counts: readonly WebhookCount[]): number => counts.reduce((sum, { count }) => sum + count, 0)
