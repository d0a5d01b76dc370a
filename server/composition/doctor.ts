import type { IncomingMessage } from 'node:http'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import type { DoctorResponse, Finding, ProcessFinding } from '../../shared/http-api/doctor.ts'
import type { Broker } from '../broker/broker.ts'
import { worstFirst } from '../doctor/finding.ts'
import { isFindings } from '../doctor/answers.ts'
import { createProcessDoctor } from '../doctor/process-doctor.ts'
import type { ProcessSources } from '../doctor/process-doctor.ts'
import type { ReadOverview } from '../telemetry/overview.ts'
import type { Base } from './base.ts'

/** Who is asked under this name: the process with this id. */
const doctorName = (processId: string): string => `doctor:${processId}`

/** More are not asked; each takes 2 s at most, and all are asked at once. */
const MAX_ASKED = 50
/** What one process says at most. */
const MAX_FINDINGS = 200
/** Other log lines say these at the start. */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set(['redis-persistence', 'redis-eviction', 'open-files'])

interface Sources extends Omit<ProcessSources, 'config' | 'log'> {
  /** The id of this process. */
  readonly self: string
  readonly readOverview: ReadOverview
  readonly isFromProxy: (request: Pick<IncomingMessage, 'socket'>) => boolean
}

/** Finds out what this process and the others would have to be mended, and answers when others ask. */
export function createDoctor({ config, lifecycle, broker, addressOf, log }: Base, sources: Sources) {
  const { self, readOverview, isFromProxy } = sources
  const examine = createProcessDoctor({ ...sources, config, log })
  const stopAnswering = broker.onAsk(doctorName(self), async () => JSON.stringify(await examine()))
  lifecycle.onStop('doctor', async () => stopAnswering())

  return {
    /** Asks all processes. Never rejects. */
    async read(request: IncomingMessage): Promise<DoctorResponse> {
      const { processes } = await readOverview()
      const asked = processes.slice(0, MAX_ASKED)
      const answers = await Promise.all(
        asked.map(async ({ id }) => ({ id, answer: await (id === self ? examine() : ask(broker, id)) })),
      )
      const findings: ProcessFinding[] = []
      const unanswered: { process: string; why: string }[] = processes
        .slice(MAX_ASKED)
        .map(({ id }) => ({ process: id, why: `only ${MAX_ASKED} processes are asked` }))
      for (const { id, answer } of answers)
        if (answer instanceof GatewayError) unanswered.push({ process: id, why: answer.message })
        else findings.push(...answer.slice(0, MAX_FINDINGS).map((one) => ({ ...one, process: id })))
      return {
        ok: true,
        findings: worstFirst(findings),
        unanswered,
        seen: {
          address: addressOf(request),
          throughTrustedProxy: isFromProxy(request),
          forwarded: request.headers['x-forwarded-for'] !== undefined,
        },
      }
    },

    /** Writes a line for each critical finding and each warning. Never rejects. */
    async logFindings(): Promise<void> {
      for (const { id, severity, title, found, fix, document } of await examine()) {
        if (TOLD_ELSEWHERE.has(id) || lifecycle.isStopping) continue
        const line = { finding: id, title, found, fix, document }
        if (severity === 'critical') log.error(line, 'doctor: needs mending')
        else if (severity === 'warning') log.warn(line, 'doctor: should be looked at')
      }
    },
  }
}

/** Those of the last release do not answer. */
async function ask(broker: Pick<Broker, 'ask'>, id: string): Promise<readonly Finding[] | GatewayError> {
  try {
    const answer: unknown = JSON.parse(await broker.ask(doctorName(id), 'findings'))
    return isFindings(answer) ? answer : new GatewayError('PROCESS_UNREACHABLE', 'its answer makes no sense')
  } catch (error) {
    return asGatewayError(error)
  }
}
