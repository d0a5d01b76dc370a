import type { Finding } from '../../shared/http-api/doctor.ts'
import { isRecord } from '../../shared/json.ts'

const SEVERITIES: readonly unknown[] = ['critical', 'warning', 'info', 'ok']

/** Whether what another process answered is a list of findings. One of a later version may hold more. */
export const isFindings = (value: unknown): value is readonly Finding[] =>
  Array.isArray(value) &&
  value.every(
    (one: unknown) =>
      isRecord(one) &&
      SEVERITIES.includes(one['severity']) &&
      ['id', 'title', 'found', 'document'].every((name) => typeof one[name] === 'string') &&
      ['string', 'undefined'].includes(typeof one['fix']),
  )
