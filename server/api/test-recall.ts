import type { RequestHandler } from 'express'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import type { TestRecallResponse } from '../../shared/http-api.ts'
import { conversationOf } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { RecalledMessage } from '../../shared/message.ts'
import type { RecalledRequest } from '../../shared/protocol.ts'
import type { Broker } from '../broker/broker.ts'
import { conversationKeys, keyList, ofMessages, seqList } from '../lib/conversation-schema.ts'
import { CHARGE_OF_ACTS } from './audit.ts'
import type { Audit } from './audit.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import { parseBody, readBody } from './requests.ts'

const PUBLISH_TIMEOUT_MS = 1_700

type TestRecall = Conversation & {
  readonly messages: readonly RecalledMessage[]
  readonly operator: string
}

/** The door of a receiver, where webhooks come in; or why no test recall can go through it. */
export type TestDoor =
  { readonly post: (recall: TestRecall) => Promise<void> } | { readonly closedBecause: string }

interface TestRecallDependencies {
  readonly broker: Pick<Broker, 'publish'>
  readonly door: TestDoor
  readonly audit: Audit
}

const testRecallSchema = ofMessages(
  Joi.object<RecalledRequest>({
    ...conversationKeys(),
    seqs: seqList.unique().empty(null),
    // The provider tells of one at a time in a conversation of two.
    keys: keyList
      .unique()
      .empty(null)
      .when('c2c', { is: Joi.exist(), then: Joi.array().max(1) }),
  }),
)
  .required()
  .label('body')

/**
 * `POST /v1/test-recall`: an admin checks delivery. It goes the whole way of a recall, in through the door of a receiver; where it
 * cannot, it is published past the door, and the response says so. Members cannot distinguish a test recall from a real one.
 */
export function createTestRecall({ broker, door, audit }: TestRecallDependencies): RequestHandler[] {
  async function publish(recall: TestRecall): Promise<TestRecallResponse['positions']> {
    const nowMs = Date.now()
    const made = { ...recall, recalledAtMs: nowMs, receivedAtMs: nowMs, test: true } as const
    const { positions } = await broker.publish(made, PUBLISH_TIMEOUT_MS).catch((cause: unknown) => {
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
    const { seqs, keys, ...where } = parseBody(testRecallSchema, request)
    await chargeUser(response, CHARGE_OF_ACTS)
    const conversation = conversationOf(where)
    const messages = seqs?.map((seq) => ({ seq })) ?? keys?.map((key) => ({ key })) ?? []
    const { id: operator } = principalOf(response)
    const details = { ...conversation, messages: messages.length }
    const sent = await audit.during(
      request,
      response,
      { action: 'test recall', details },
      () => send({ ...conversation, messages, operator }),
      ({ throughReceiver }) => ({ throughReceiver }),
    )
    response.json(sent)
  }
  return [readBody, testRecall]
}
