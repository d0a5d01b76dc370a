import { GatewayError } from '../../shared/errors.ts'

/** Stored and broadcast, but not confirmed by as many disks or replicas as it must be: nodes have not missed it. */
export class UnconfirmedError extends GatewayError {
  constructor(detail: string) {
    super('BROKER_UNAVAILABLE', detail)
  }
}

/** Refused for what the request itself is about, while the broker may accept others: not because it is unavailable. */
export class RefusedError extends GatewayError {
  constructor(cause: unknown) {
    super('BROKER_UNAVAILABLE', undefined, { cause })
  }
}
