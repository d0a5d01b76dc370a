import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../../../shared/errors.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { checkQuestion } from '../../asking.ts'
import type { Answer, Broker } from '../../broker.ts'
import { withTimeout } from '../../timeout.ts'
import { COMMAND_TIMEOUT_MS } from '../connection/connection.ts'
import type { Connection } from '../connection/connection.ts'
import type { Keys } from '../keys.ts'
import type { Signer } from '../signature.ts'
import type { Subscriber } from '../subscriber.ts'
import { startAnswering } from './answering.ts'
import { decodeAnswer, encodeQuestion, errorOf } from './messages.ts'

const ANSWER_TIMEOUT_MS = 2_000
const MAX_WAITING = 64

interface AskingDependencies {
  /** The random id of this process. */
  readonly processId: string
  readonly commands: Pick<Connection['client'], 'spublish'>
  readonly subscriber: Pick<Subscriber, 'listen' | 'hangUp'>
  readonly keys: Pick<Keys, 'questions' | 'answers'>
  readonly questionSigner: Signer
  readonly answerSigner: Signer
  readonly log: Logger
}

interface Waiting {
  readonly resolve: (text: string) => void
  readonly reject: (error: GatewayError) => void
}

/** Questions and answers between processes: each on a sharded channel of who is to read it. See `Broker`. */
export function createAsking({
  processId,
  commands,
  subscriber,
  keys,
  questionSigner,
  answerSigner,
  log,
}: AskingDependencies): Pick<Broker, 'ask' | 'onAsk'> {
  const waiting = new Map<string, Waiting>()
  const own = new Map<string, Answer>()
  /** Questions that have no answer yet, also those that cannot be sent yet. */
  let open = 0
  let listening: Promise<void> | undefined

  function onAnswer(stored: string): void {
    const verified = answerSigner.verify(stored)
    const answer = verified === null ? undefined : decodeAnswer(verified.text)
    if (answer === undefined) return log.error('answer in Redis that no gateway has signed, ignored')
    const asker = waiting.get(answer.id)
    if ('text' in answer) asker?.resolve(answer.text)
    else asker?.reject(errorOf(answer.code, answer.detail))
  }

  /** Only once somebody asks: most processes never do. */
  function listen(): Promise<void> {
    return (listening ??= withTimeout(
      COMMAND_TIMEOUT_MS,
      subscriber.listen(keys.answers(processId), onAnswer),
    ).catch((error: unknown) => {
      listening = undefined
      throw error
    }))
  }

  async function send(id: string, to: string, text: string): Promise<void> {
    const question = encodeQuestion({ id, from: processId, to, askedAtMs: Date.now(), text })
    const heardBy = await withTimeout(
      COMMAND_TIMEOUT_MS,
      commands.spublish(keys.questions(to), questionSigner.sign(question)),
    )
    // The server that holds the channel knows all who listen to it.
    if (heardBy === 0)
      throw new GatewayError('PROCESS_UNREACHABLE', 'it is not connected to Redis, or of an earlier version')
  }

  async function askOther(to: string, text: string): Promise<string> {
    await listen()
    const id = randomUUID()
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        const giveUp = (): void => reject(new GatewayError('PROCESS_UNREACHABLE', 'no answer within 2 s'))
        // After this process was blocked, what has arrived is read before it gives up.
        timer = setTimeout(() => setImmediate(giveUp), ANSWER_TIMEOUT_MS)
        send(id, to, text).catch(reject)
      })
    } finally {
      clearTimeout(timer)
      waiting.delete(id)
    }
  }

  return {
    async ask(name, question) {
      checkQuestion(question)
      const answer = own.get(name)
      if (answer !== undefined) return await answer(question)
      if (open >= MAX_WAITING)
        throw new GatewayError('NODE_FULL', 'too many questions to other processes wait')
      open++
      return await askOther(name, question).finally(() => open--)
    },

    onAsk(name, answer) {
      own.set(name, answer)
      const stop = startAnswering(name, answer, {
        send: (process, text) =>
          withTimeout(COMMAND_TIMEOUT_MS, commands.spublish(keys.answers(process), text)),
        listen: (onText) => subscriber.listen(keys.questions(name), onText),
        hangUp: () => subscriber.hangUp(keys.questions(name)),
        questionSigner,
        answerSigner,
        log,
      })
      return () => {
        own.delete(name)
        stop()
      }
    },
  }
}
