import { GatewayError } from '../../shared/errors.ts'

/** TOKEN_REFUSED for a credential that nothing proves to be the app's own, so that it may be a guess. */
export class UnprovenCredential extends GatewayError {
  constructor(why: string, options?: ErrorOptions) {
    super('TOKEN_REFUSED', why, options)
  }
}

/** Returns TOKEN_REFUSED for a credential that is missing, or that the app has issued: no guess, whatever is wrong with it. */
export const refused = (why: string, options?: ConstructorParameters<typeof GatewayError>[2]): GatewayError =>
  new GatewayError('TOKEN_REFUSED', why, options)

/**
 * Returns TOKEN_EXPIRED for a credential that was valid until a time, in ms since 1970. It says how long ago that was: a clock
 * that is wrong shows in it.
 */
export const expired = (expiresAtMs: number): GatewayError =>
  new GatewayError(
    'TOKEN_EXPIRED',
    `${Math.ceil((Date.now() - expiresAtMs) / 1_000)} s ago, by the clock of this node`,
  )

const MAX_QUOTED_CHARACTERS = 64

/** Quotes a value of a credential for an error message: at most 64 characters, printable. */
export const quote = (value: unknown): string =>
  JSON.stringify(String(value).slice(0, MAX_QUOTED_CHARACTERS)).replace(/[^ -~]/g, '?')
