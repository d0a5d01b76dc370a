import type { IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import type { DoctorResponse } from '../../shared/http-api/doctor.ts'
import { chargeUser } from './bearer-auth.ts'

/** All processes work for each, so it counts as so many more requests. */
const EXTRA_CHARGE = 10

/** What all processes find wrong, and how this request looks. Never rejects. */
export type ReadDoctor = (request: IncomingMessage) => Promise<DoctorResponse>

/** `GET /v1/doctor`: what would have to be mended, for admins. The process that is asked needs no broker for itself. */
export const createDoctor =
  (readDoctor: ReadDoctor): RequestHandler =>
  async (request, response) => {
    await chargeUser(response, EXTRA_CHARGE)
    response.json((await readDoctor(request)) satisfies DoctorResponse)
  }
