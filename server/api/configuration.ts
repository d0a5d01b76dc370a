import type { RequestHandler } from 'express'
import type { ConfigurationResponse } from '../../shared/http-api/configuration.ts'
import { chargeUser } from './bearer-auth.ts'

/** All processes work for each, so it counts as so many more requests. */
const EXTRA_CHARGE = 10

export type ReadConfigurations = () => Promise<Omit<ConfigurationResponse, 'ok'>>

/** `GET /v1/configuration`: what each process runs with, for admins. The process that is asked needs no broker for itself. */
export const createConfiguration =
  (readConfigurations: ReadConfigurations): RequestHandler =>
  async (_request, response) => {
    await chargeUser(response, EXTRA_CHARGE)
    response.json({ ok: true, ...(await readConfigurations()) } satisfies ConfigurationResponse)
  }
