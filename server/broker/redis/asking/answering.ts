import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../../shared/backoff.ts'
import { asGatewayError, GatewayError } from '../../../../shared/errors.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { MAX_ANSWER_BYTES, MAX_CONCURRENT_ANSWERS, MAX_QUESTION_BYTES } from '../../asking.ts'
import type { Answer } from '../../broker.ts'
import type { Signer } from '../signature.ts'
import { createFreshness } from './freshness.ts'
import { decodeQuestion, detailOf, encodeAnswer } from './messages.ts'
import type { AnswerMessage } from './messages.ts'

/** Until the channel can be subscribed to; a new connection does so at once. */
const RETRY_DELAY = { baseMs: 500, maxMs: 5_000 }

interface AnsweringDependencies {
  /** Publishes an answer to the process that asked. */
  readonly send: (process: string, answer: string) => Promise<unknown>
  /** See `Subscriber`. */
  readonly listen: (onText: (text: string) => void) => Promise<void>
  readonly hangUp: () => void
  readonly questionSigner: Signer
  readonly answerSigner: Signer
  readonly log: Logger
}

/** Answers the questions of other processes to one name. Returns a function that stops it. */
export function startAnswering(
  name: string,
  answer: Answer,
  { send, listen, hangUp, questionSigner, answerSigner, log }: AnsweringDependencies,
): () => void {
  const isFresh = createFreshness(Date.now())
  const stopped = new AbortController()
  let running = 0

  function onText(stored: string): void {
    const verified = stored.length <= 2 * MAX_QUESTION_BYTES ? questionSigner.verify(stored) : null
    const question = verified === null ? undefined : decodeQuestion(verified.text)
    if (question === undefined || question.to !== name)
      return log.error({ name }, 'question in Redis that no gateway has signed, not answered')
    const { id, from, askedAtMs, text } = question
    if (!isFresh(id, askedAtMs, Date.now()))
      return log.warn(
        { name },
        'question in Redis is a repeat, or a clock is more than a minute off: not answered',
      )
    running++
    const answering =
      running > MAX_CONCURRENT_ANSWERS
        ? Promise.reject(new GatewayError('NODE_FULL', 'too many questions at a time'))
        : answer(text)
    void toMessage(id, answering)
      .finally(() => running--)
      .then((message) => send(from, answerSigner.sign(encodeAnswer(message))))
      .catch((err: unknown) => log.warn({ err, name }, 'answer not sent'))
  }

  async function toMessage(id: string, answering: Promise<string>): Promise<AnswerMessage> {
    try {
      const text = await answering
      if (Buffer.byteLength(text) > MAX_ANSWER_BYTES)
        throw new Error(`the answer is over ${MAX_ANSWER_BYTES} bytes`)
      return { id, text }
    } catch (err) {
      const error = asGatewayError(err)
      if (error.code === 'INTERNAL')
        log.error({ err, name }, 'question not answered because of an internal error')
      return { id, code: error.code, detail: detailOf(error) }
    }
  }

  async function subscribe(): Promise<void> {
    for (let failures = 0; !stopped.signal.aborted; failures++) {
      try {
        return await listen(onText)
      } catch {
        await delay(fullJitterMs(failures, RETRY_DELAY), undefined, { ref: false, signal: stopped.signal })
      }
    }
  }

  // It ends with an error only if it is stopped.
  subscribe().catch(() => undefined)
  return () => {
    stopped.abort()
    hangUp()
  }
}
