import { asGatewayError } from '../../shared/errors.ts'
import type { GoneProcess, ProcessState } from '../../shared/http-api.ts'
import { durationOf } from '../lib/duration.ts'
import { createLimiter } from '../lib/flow-control.ts'
import type { ReadOverview } from './overview.ts'

/** Processes asked at a time, whoever asks for what: `Broker.ask` allows 64 questions. Each takes 2 s at most. */
const MAX_CONCURRENT = 16
/** Of all processes; the others are named as not asked. */
const MAX_ASKED = 64

const UNREAD = 'its report cannot be read: its REDIS_SIGNING_KEY is another one, or its version is later'

/** A process that did not say, and why, in words for people. `others` stands for all that are not known. */
interface Unanswered {
  readonly id: string
  readonly host?: string
  readonly why: string
}

interface Question<Answer> {
  /** Whether a process has something to say to it. Default: all have. */
  readonly concerns?: (process: Pick<ProcessState, 'role'>) => boolean
  /** Who is asked: the process with this id. */
  readonly nameOf: (id: string) => string
  readonly question: string
  /** Throws for what no process answers. */
  readonly decode: (answer: string) => Answer
}

interface AskingDependencies {
  /** The id of this process, which is not asked. */
  readonly self: string
  /** See `Broker`. */
  readonly ask: (name: string, question: string) => Promise<string>
  readonly readOverview: ReadOverview
}

/** Asks all other processes of the app that it concerns the same. Never rejects: who did not answer is told. */
export type AskProcesses = <Answer>(question: Question<Answer>) => Promise<{
  readonly answers: readonly { readonly id: string; readonly answer: Answer }[]
  readonly unanswered: readonly Unanswered[]
}>

export function createProcessAsking({ self, ask, readOverview }: AskingDependencies): AskProcesses {
  const limit = createLimiter(MAX_CONCURRENT)
  return async ({ concerns = () => true, nameOf, question, decode }) => {
    const { processes, gone, incomplete, unread } = await readOverview()
    const others = processes.filter((process) => process.id !== self && concerns(process))
    const asked = await Promise.all(
      others.slice(0, MAX_ASKED).map(({ id, host }) =>
        limit(async () => decode(await ask(nameOf(id), question))).then(
          (answer) => ({ id, answer }),
          (error: unknown): Unanswered => ({
            id,
            ...(host !== undefined && { host }),
            why: asGatewayError(error).message,
          }),
        ),
      ),
    )
    return {
      answers: asked.flatMap((one) => ('answer' in one ? [one] : [])),
      unanswered: [
        ...asked.flatMap((one) => ('why' in one ? [one] : [])),
        ...others.slice(MAX_ASKED).map(({ id }) => ({ id, why: 'not asked: there are too many processes' })),
        // It may hang, or wait on a machine that nobody reaches.
        ...gone.filter((process) => !process.stopped && concerns(process)).map(silent),
        // Of what role they are, nobody knows.
        ...unread.slice(0, MAX_ASKED).map((id) => ({ id, why: UNREAD })),
        ...(incomplete === undefined ? [] : [{ id: 'others', why: `not known: ${incomplete}` }]),
      ],
    }
  }
}

const silent = ({ id, host, lastReportAtMs }: GoneProcess): Unanswered => ({
  id,
  ...(host !== undefined && { host }),
  why: `it has not reported for ${durationOf(Date.now() - lastReportAtMs)}`,
})
