import express from 'express'
import type { Router } from 'express'
import type { FoundProblem } from './health-rules.ts'
import type { Gauges } from './gauges.ts'

interface HealthChecks {
  /** False once the process is stopping. */
  readonly isAccepting: () => boolean
  readonly isBrokerReady: () => boolean
  /** Why the process is not ready, or the broker alone. */
  readonly reasons: () => readonly string[]
  /** The problems of this process alone. */
  readonly ownProblems: () => readonly FoundProblem[]
  /** What an operator should know although it is; see `Broker`. */
  readonly brokerWarnings: () => readonly string[]
  readonly spoolDepth: Gauges['spoolDepth']
  readonly quarantined: Gauges['quarantined']
  /** Whether this process serves sockets, which need the broker. */
  readonly servesSockets: boolean
}

/**
 * Serves `/livez` and `/readyz`. A process that does not respond to `/livez` should be restarted. `/readyz` is 200 if the
 * process can do its work, and otherwise 503 with the failed checks and the reasons: the process should receive no traffic,
 * but need not be restarted. Problems that leave it able to do its work are told in both cases: the critical ones among the reasons.
 */
export function createHealth({
  isAccepting,
  isBrokerReady,
  reasons,
  ownProblems,
  brokerWarnings,
  spoolDepth,
  quarantined,
  servesSockets,
}: HealthChecks): Router {
  const router = express.Router()
  // What was true a minute ago, from the cache of a proxy, would keep a monitor green.
  router.use(['/livez', '/readyz', '/metrics'], (_request, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  router.get('/livez', (_request, response) => void response.json({ live: true }))
  router.get('/readyz', (_request, response) => {
    const spool = spoolDepth()
    const checks = { taking: isAccepting(), broker: isBrokerReady() }
    // A receiver with a spool stores recalls without the broker; taken out of service, it would lose them.
    const ready = checks.taking && (checks.broker || (spool !== undefined && !servesSockets))
    const problems = ownProblems().filter(({ code }) => code !== 'PROCESS_NOT_READY')
    const sentences = (wanted: FoundProblem['severity']): string[] =>
      problems.flatMap(({ severity, code, message }) => (severity === wanted ? `${code}: ${message}` : []))
    const warnings = [...brokerWarnings(), ...sentences('warning')]
    const requests = quarantined()
    const quarantine = requests === undefined ? undefined : { requests }
    response.status(ready ? 200 : 503).json({
      ready,
      checks,
      reasons: [...reasons(), ...sentences('critical')],
      ...(warnings.length > 0 && { warnings }),
      spool,
      quarantine,
    })
  })
  return router
}
