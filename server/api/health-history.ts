import type { RequestHandler } from 'express'
import type { HealthHistoryResponse } from '../../shared/http-api/health-history.ts'
import { chargeUser } from './bearer-auth.ts'

/** It may read an hour of all processes. */
const EXTRA_CHARGE = 10

export type ReadHealthHistory = () => Promise<Omit<HealthHistoryResponse, 'ok'>>

/** `GET /v1/health-history`: the last hour of each process, for admins. Without the broker, of the process that is asked. */
export const createHealthHistory =
  (readHistory: ReadHealthHistory): RequestHandler =>
  async (_request, response) => {
    await chargeUser(response, EXTRA_CHARGE)
    response.json({ ok: true, ...(await readHistory()) } satisfies HealthHistoryResponse)
  }
