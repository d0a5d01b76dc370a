import express from 'express'
import type { Router } from 'express'

/** What the gateway says of itself. */
export interface Health {
  /** False from the moment a stop was asked for. */
  readonly isTaking: () => boolean
  readonly isBrokerReady: () => boolean
}

/**
 * `/livez`: the process answers; restart it when it does not. `/readyz`: 200 when it can do its work, 503 with what is
 * missing otherwise; send it no traffic then, but do not restart it for that.
 */
export function createHealth({ isTaking, isBrokerReady }: Health): Router {
  const router = express.Router()
  router.get('/livez', (_request, response) => void response.json({ live: true }))
  router.get('/readyz', (_request, response) => {
    const checks = { taking: isTaking(), broker: isBrokerReady() }
    const ready = checks.taking && checks.broker
    response.status(ready ? 200 : 503).json({ ready, checks })
  })
  return router
}
