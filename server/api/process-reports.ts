import type { IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import type { ConfigurationResponse } from '../../shared/http-api/configuration.ts'
import type { DoctorResponse } from '../../shared/http-api/doctor.ts'
import type { HealthHistoryResponse } from '../../shared/http-api/health-history.ts'
import { chargeUser } from './bearer-auth.ts'

/** All processes work for each, or an hour of all is read, so it counts as so many more requests. */
const EXTRA_CHARGE = 10

/** What all processes tell of themselves, for admins. The process that is asked needs no broker for its own part. Never rejects. */
export interface ProcessReports {
  /** `GET /v1/doctor`: what would have to be mended, and how this request looks. */
  readonly readDoctor: (request: IncomingMessage) => Promise<DoctorResponse>
  /** `GET /v1/configuration`: what each process runs with. */
  readonly readConfigurations: () => Promise<Omit<ConfigurationResponse, 'ok'>>
  /** `GET /v1/health-history`: the last hour of each process. */
  readonly readHistory: () => Promise<Omit<HealthHistoryResponse, 'ok'>>
}

/** Serves one of them. */
export const serveReport =
  (read: (request: IncomingMessage) => Promise<object>): RequestHandler =>
  async (request, response) => {
    await chargeUser(response, EXTRA_CHARGE)
    response.json({ ok: true, ...(await read(request)) })
  }
