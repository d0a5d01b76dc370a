import type { RequestHandler } from 'express'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import type { TestRecallResponse } from '../../shared/http-api.ts'
import { MAX_SEQS } from '../../shared/limits.ts'
import type { GroupConversation } from '../../shared/conversation.ts'
import type { Broker } from '../broker/broker.ts'
import { identifier, UNSET } from '../lib/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { principalOf } from './bearer-auth.ts'
import { parseBody, readBody } from './requests.ts'

const PUBLISH_TIMEOUT_MS = 1_700

interface TestRecall extends GroupConversation {
  readonly seqs: readonly number[]
  readonly operator: string
}

/** The door of a receiver, where webhooks come in; or why no test recall can go through it. */
export type TestDoor =
  { readonly post: (recall: TestRecall) => Promise<void> } | { readonly closedBecause: string }

interface TestRecallDependencies {
  readonly broker: Pick<Broker, 'publish'>
  readonly door: TestDoor
  readonly log: Logger
}

const testRecallSchema = Joi.object<Omit<TestRecall, 'operator'>>({
  group: identifier.empty(UNSET).required(),
  topic: identifier.empty(UNSET),
  seqs: Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(MAX_SEQS).unique().required(),
})
  .required()
  .label('body')

/**
 * `POST /v1/test-recall`: an admin checks delivery. It goes the whole way of a recall, in through the door of a receiver; where it
 * cannot, it is published past the door, and the response says so. Sockets cannot distinguish a test recall from a real one.
 */
export function createTestRecall({ broker, door, log }: TestRecallDependencies): RequestHandler[] {
  async function publish({ seqs, ...rest }: TestRecall): Promise<TestRecallResponse['positions']> {
    const nowMs = Date.now()
    const messages = seqs.map((seq) => ({ seq }))
    const recall = { ...rest, messages, recalledAtMs: nowMs, receivedAtMs: nowMs }
    const { positions } = await broker.publish(recall, PUBLISH_TIMEOUT_MS).catch((cause: unknown) => {
      throw new GatewayError('BROKER_UNAVAILABLE', undefined, { cause })
    })
    return positions
  }

  async function send(recall: TestRecall): Promise<TestRecallResponse> {
    if ('closedBecause' in door) {
      const note = `published past the door of the receivers: ${door.closedBecause}`
      return { ok: true, positions: await publish(recall), throughReceiver: false, note }
    }
    await door.post(recall)
    return { ok: true, positions: [], throughReceiver: true }
  }

  const testRecall: RequestHandler = async (request, response) => {
    const { seqs, ...conversation } = parseBody(testRecallSchema, request)
    const { id: operator } = principalOf(response)
    const sent = await send({ ...conversation, seqs, operator })
    const { throughReceiver } = sent
    log.info({ admin: operator, ...conversation, messages: seqs.length, throughReceiver }, 'test recall sent')
    response.json(sent)
  }
  return [readBody, testRecall]
}
