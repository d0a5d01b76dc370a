import type { RequestHandler } from 'express'
import type { DeliveryResponse } from '../../shared/http-api/delivery.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Broker } from '../broker/broker.ts'
import { principalOf } from './bearer-auth.ts'
import { parseRecallPlace } from './requests.ts'

interface DeliveryDependencies {
  readonly authorization: Pick<Authorization, 'authorize'>
  readonly broker: Pick<Broker, 'entries' | 'told'>
}

/** `GET /v1/delivery`: when one recall was stored in a log, and first told to somebody there. */
export function createDelivery({ authorization, broker }: DeliveryDependencies): RequestHandler {
  return async (request, response) => {
    const { room, position } = parseRecallPlace(request)
    await authorization.authorize(principalOf(response), room)
    const { epoch, offset } = position
    const { entries, head } = await broker.entries(room, Math.max(0, offset - 1), 1)
    const entry = entries.find((one) => one.offset === offset)
    const isKept = entry !== undefined && head?.epoch === epoch
    const told = isKept ? (await broker.told({ room, first: offset, last: offset })).get(offset) : undefined
    // After a loss, the offset may be that of another recall.
    const isOfThis = told !== undefined && told.receivedAtMs === entry?.notice?.receivedAtMs
    response.json({
      ok: true,
      keptAtMs: (isKept ? entry.link?.keptAtMs : undefined) ?? null,
      firstTold: isOfThis ? { atMs: told.atMs, node: told.node } : null,
    } satisfies DeliveryResponse)
  }
}
