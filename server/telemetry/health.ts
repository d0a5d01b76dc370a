import express from 'express'
import type { Router } from 'express'

/** What the gateway says of itself. */
export interface Health {
  /** False from the moment a stop was asked for. */
  readonly isTaking: () => boolean
  readonly isBrokerReady: () => boolean
  /** What waits on disk for the broker; undefined where there is no spool. */
  readonly spoolDepth: () =>
    { readonly recalls: number; readonly bytes: number; readonly ageMs: number } | undefined
  /** Whether sockets are served here, for which the broker must be there. */
  readonly servesSockets: boolean
}

/**
 * `/livez`: the process answers; restart it when it does not. `/readyz`: 200 when it can do its work, 503 with what is
 * missing otherwise; send it no traffic then, but do not restart it for that.
 */
export function createHealth({ isTaking, isBrokerReady, spoolDepth, servesSockets }: Health): Router {
  const router = express.Router()
  router.get('/livez', (_request, response) => void response.json({ live: true }))
  router.get('/readyz', (_request, response) => {
    const spool = spoolDepth()
    const checks = { taking: isTaking(), broker: isBrokerReady() }
    // A receiver with a spool keeps recalls without the broker: taken out of service, it would lose them.
    const ready = checks.taking && (checks.broker || (spool !== undefined && !servesSockets))
    response.status(ready ? 200 : 503).json({ ready, checks, ...(spool && { spool }) })
  })
  return router
}
