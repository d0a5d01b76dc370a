import type { GoneProcess, ProcessState, StatusResponse } from '../../shared/http-api.ts'
import { durationOf } from '../lib/duration.ts'
import { shortId, tableOf, visible } from './table.ts'

/** Returns the status of all processes as lines for people: what needs attention first. */
export function describeStatus(response: StatusResponse, nowMs: number): string[] {
  const { self, problems, nodes, gone, complete, incomplete } = response
  return [
    ...(problems.length === 0
      ? ['All is well.']
      : problems.map(
          ({ severity, code, message, processId }) =>
            `${severity.toUpperCase()} ${code}${processId === undefined ? '' : ` (${shortId(processId)})`}: ${visible(message)}`,
        )),
    ...(complete
      ? []
      : [`Only the process that answered is known: ${visible(incomplete ?? 'unknown reason')}`]),
    '',
    ...tableOf(
      [
        'PROCESS',
        'HOST',
        'ROLE',
        'VERSION',
        'STATE',
        'UP',
        'SOCKETS',
        'ROOMS',
        'WEBHOOKS',
        'KEPT',
        'DELIVERED',
        'P99',
        'SPOOL',
        'QUARANTINE',
      ],
      nodes.map((node) => rowOf(node, self, nowMs)),
    ),
    ...(gone.length === 0
      ? []
      : [
          '',
          ...tableOf(
            ['GONE', 'HOST', 'ROLE', 'SINCE', 'RECALLS ON ITS DISK'],
            gone.map((one) => goneRowOf(one, nowMs)),
          ),
        ]),
  ]
}

function goneRowOf(
  { id, host = '-', role, lastReportAtMs, stopped, spooledRecalls }: GoneProcess,
  nowMs: number,
): string[] {
  const since = `${durationOf(nowMs - lastReportAtMs)} ago`
  // It may have kept some after its last report.
  const recalls = spooledRecalls > 0 || stopped || role === 'node' ? String(spooledRecalls) : 'unknown'
  return [shortId(id), visible(host), role, stopped ? `stopped ${since}` : `vanished ${since}`, recalls]
}

function rowOf(node: ProcessState, self: string, nowMs: number): string[] {
  const { id, role, startedAtMs, sockets, rooms, counts, latencyMs, spool, quarantined } = node
  return [
    id === self ? `${shortId(id)}*` : shortId(id),
    visible(node.host ?? '-'),
    role,
    visible(node.version ?? '-'),
    stateOf(node),
    durationOf(Math.max(0, nowMs - startedAtMs)),
    String(sockets),
    String(rooms),
    `${counts.webhooksOk}${counts.webhooksRefused > 0 ? ` (${counts.webhooksRefused} refused)` : ''}`,
    String(counts.kept),
    String(counts.delivered),
    latencyMs.p99 === null ? '-' : `${Math.round(latencyMs.p99)} ms`,
    spool === undefined ? '-' : String(spool.recalls),
    quarantined === undefined ? '-' : String(quarantined),
  ]
}

function stateOf({ ready, draining, delivery }: ProcessState): string {
  if (draining) return 'draining'
  if (!ready) return 'not ready'
  return delivery?.proved === false ? 'in doubt' : 'ready'
}
