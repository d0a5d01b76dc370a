import { asGatewayError, ERRORS, GatewayError } from '../../shared/errors.ts'
import { parseRecord } from '../../shared/json.ts'
import { readResponse } from '../receiver/responses.ts'
import type { Terminal } from './command.ts'
import { atPace, createProgress, Durations } from './pacing.ts'
import type { SimulatedCall } from './simulation.ts'
import type { createCaller } from './webhook-call.ts'

interface ManyOptions {
  readonly call: ReturnType<typeof createCaller>['call']
  /** The outcome that is no failure. */
  readonly expected: string
  readonly options: { readonly rate?: number; readonly concurrency: number }
  readonly terminal: Terminal
}

/** Of each kind; more are counted together. */
const MAX_OUTCOMES = 50

/** What came of a call, as it is counted: `200 OK`, or the status and the code of the error. */
export function outcomeOf(status: number, text: string): string {
  const response = readResponse(text)
  if (response === undefined) {
    // Such as of a node, which takes no webhooks.
    const code = parseRecord(text)?.['code']
    return `${status} ${typeof code === 'string' && Object.hasOwn(ERRORS, code) ? code : 'not an answer of a gateway'}`
  }
  return `${status} ${response === 'OK' ? 'OK' : response.code}`
}

/** Posts the calls at a rate, and prints a summary. Rejects with SEND_FAILED unless all had the expected outcome. */
export async function sendMany(
  calls: Iterable<SimulatedCall>,
  { call, expected, options, terminal }: ManyOptions,
): Promise<void> {
  const { rate = Infinity, concurrency } = options
  const ending = terminal.ending()
  const outcomes = new Map<string, number>()
  const durations = new Durations()
  const report = createProgress(terminal)
  const startMs = performance.now()
  let sent = 0

  const seconds = (): number => Math.max(0.001, (performance.now() - startMs) / 1_000)
  const perSecond = (): number => Math.round((sent / seconds()) * 10) / 10
  const unexpected = (): number => sent - (outcomes.get(expected) ?? 0)
  const post = async (one: SimulatedCall): Promise<void> => {
    const sentMs = performance.now()
    const outcome = await call(one).then(
      ({ status, text }) => outcomeOf(status, text),
      (error: unknown) => asGatewayError(error).message,
    )
    durations.add(performance.now() - sentMs)
    const kind = outcomes.has(outcome) || outcomes.size < MAX_OUTCOMES ? outcome : 'other'
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
    sent++
    report(() => `${sent} sent, ${perSecond()} a second, ${unexpected()} not answered with ${expected}`)
  }

  await atPace(calls, post, { perSecond: rate, concurrency, ending })
  terminal.show?.()
  terminal.print(
    JSON.stringify({
      sent,
      seconds: Math.round(seconds() * 10) / 10,
      perSecond: perSecond(),
      outcomes: Object.fromEntries(outcomes),
      ...(durations.summary() && { latencyMs: durations.summary() }),
      ...(ending.aborted && { interrupted: true }),
    }),
  )
  if (unexpected() > 0)
    throw new GatewayError('SEND_FAILED', `${unexpected()} of ${sent} were not answered with ${expected}`)
}
