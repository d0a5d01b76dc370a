import type { IncomingMessage } from 'node:http'
import type { DoctorResponse, ProcessFinding } from '../../shared/http-api/doctor.ts'
import { worstFirst } from '../doctor/finding.ts'
import { decodeFindings } from '../doctor/answers.ts'
import { createProcessDoctor } from '../doctor/process-doctor.ts'
import type { ProcessSources } from '../doctor/process-doctor.ts'
import type { AskProcesses } from '../telemetry/ask-processes.ts'
import type { Base } from './base.ts'

/** Who is asked under this name: the process with this id. */
const doctorName = (processId: string): string => `doctor:${processId}`

/** Other log lines say these at the start. */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set(['redis-persistence', 'redis-eviction', 'open-files'])

interface Sources extends Omit<ProcessSources, 'config' | 'log'> {
  /** The id of this process. */
  readonly self: string
  readonly askProcesses: AskProcesses
  readonly isFromProxy: (request: Pick<IncomingMessage, 'socket'>) => boolean
}

/** Finds out what this process and the others would have to be mended, and answers when others ask. */
export function createDoctor({ config, lifecycle, broker, addressOf, log }: Base, sources: Sources) {
  const { self, askProcesses, isFromProxy } = sources
  const examine = createProcessDoctor({ ...sources, config, log })
  const stopAnswering = broker.onAsk(doctorName(self), async () => JSON.stringify(await examine()))
  lifecycle.onStop('doctor', async () => stopAnswering())

  return {
    /** Asks all processes. Never rejects. */
    async read(request: IncomingMessage): Promise<DoctorResponse> {
      const [own, { answers, unanswered }] = await Promise.all([
        examine(),
        // Those of the last release do not answer.
        askProcesses({ nameOf: doctorName, question: 'findings', decode: decodeFindings }),
      ])
      const findings = [{ id: self, answer: own }, ...answers].flatMap(({ id, answer }) =>
        answer.map((one): ProcessFinding => ({ ...one, process: id })),
      )
      return {
        ok: true,
        findings: worstFirst(findings),
        unanswered: unanswered.map(({ id, host, why }) => ({
          process: id,
          ...(host !== undefined && { host }),
          why,
        })),
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
