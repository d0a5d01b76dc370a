import { posix } from 'node:path'
import type { RequestHandler } from 'express'

/** A balancer that asks five nodes in turn comes to each of them. */
const MAX_TURNS = 5

/**
 * Lets the browser ask again for a file that this version does not have. While nodes are updated one by one, a page comes from one of them
 * and its files from others, and the name of a file is that of its content: a balancer passes the next request to the next node. Relative,
 * because a proxy may have stripped a path.
 */
export function askAgainFor(): RequestHandler {
  return ({ path, originalUrl }, response, next) => {
    const [, query = ''] = originalUrl.split('?')
    const turn = Number(new URLSearchParams(query).get('turn') ?? 0)
    if (!Number.isInteger(turn) || turn < 0 || turn >= MAX_TURNS) return next()
    response.set('Cache-Control', 'no-store')
    response
      .status(307)
      .set('Location', `${posix.basename(path)}?turn=${turn + 1}`)
      .end()
  }
}
