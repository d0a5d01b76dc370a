import type { RequestHandler } from 'express'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import type { Broker } from '../broker/broker.ts'
import { identifier } from '../lib/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { checkBody, readBody } from './body.ts'
import { principalOf } from './bearer-auth.ts'

const KEPT_WITHIN_MS = 1_700

interface TestRecall {
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
}

const schema = Joi.object<TestRecall>({
  group: identifier.required(),
  topic: identifier,
  seqs: Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(1_000).unique().required(),
})
  .required()
  .label('body')

interface TestRecallDependencies {
  readonly broker: Pick<Broker, 'publish'>
  readonly log: Logger
}

/** `POST /v1/test-recall`: an admin tries whether recalls arrive. It is one: sockets cannot tell it from another. */
export function createTestRecall({ broker, log }: TestRecallDependencies): RequestHandler[] {
  const recall: RequestHandler = async (request, response) => {
    const { seqs, ...conversation } = checkBody(schema, request)
    const nowMs = Date.now()
    const { id: operator } = principalOf(response)
    const messages = seqs.map((seq) => ({ seq }))
    const made = { ...conversation, messages, operator, recalledAtMs: nowMs, receivedAtMs: nowMs }
    const { positions } = await broker.publish(made, KEPT_WITHIN_MS).catch((cause: unknown) => {
      throw new GatewayError('BROKER_UNAVAILABLE', undefined, { cause })
    })
    log.info({ admin: operator, ...conversation, messages: seqs.length }, 'test recall made')
    response.json({ ok: true, positions })
  }
  return [readBody, recall]
}
