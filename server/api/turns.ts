import type { RequestHandler, Response } from 'express'
import type { ClientAddress } from '../http/client-address.ts'
import type { RequestTurns } from '../lib/request-turns.ts'

/** Lets a request wait for its turn among those of other addresses: nobody has looked at its token yet. */
export function takeTurn(turns: RequestTurns, addressOf: ClientAddress): RequestHandler {
  return async (request, response, next) => {
    const address = `address ${addressOf(request)}`
    await whileOpen(turns, address, response, () => turns.begin(address, response))
    if (!response.destroyed) next()
  }
}

/** Waits for a turn, and no longer than somebody waits for the response. */
export async function whileOpen<T>(
  turns: RequestTurns,
  user: string,
  response: Response,
  wait: () => T,
): Promise<Awaited<T>> {
  const leave = (): void => turns.leave(user, response)
  response.once('close', leave)
  try {
    return await wait()
  } finally {
    response.off('close', leave)
  }
}
