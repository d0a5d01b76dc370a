import type { IncomingMessage } from 'node:http'
import express from 'express'
import type { Router } from 'express'
import { encodeMembershipEnd } from '../auth/announcements.ts'
import * as options from '../config/options.ts'
import { createIsFromProxy, createNetworkMatcher } from '../http/client-address.ts'
import { respondNotFound } from '../http/not-found.ts'
import type { RequestHandler } from '../http/server.ts'
import { createAnnouncer } from '../receiver/announcer.ts'
import type { MembershipEnd } from '../receiver/commands/membership.ts'
import { GatewayError } from '../../shared/errors.ts'
import { quarantineName } from '../receiver/quarantine/all-quarantines.ts'
import { createAnswering } from '../receiver/quarantine/answering.ts'
import type { QuarantineStore } from '../receiver/quarantine/quarantine-files.ts'
import { createRetrying } from '../receiver/quarantine/retrying.ts'
import { createReceiver, isLikeWebhook } from '../receiver/receiver.ts'
import type { RequestTimes } from '../receiver/request-times.ts'
import type { Base } from './base.ts'
import type { RelayParts } from './relay.ts'

interface Parts {
  /** The id of the data folder. */
  readonly dataFolder: string
  readonly quarantine: QuarantineStore
  /** Undefined without a relay. */
  readonly relay: RelayParts | undefined
  readonly requestTimes: RequestTimes
}

/** Says at a node why it refuses a webhook, whose recall is lost: a URL or a route may take it for a receiver. */
export function refuseWebhooks(): Router {
  const refuse = respondNotFound(
    'this process has ROLE=node, which takes no webhooks: route them to one with ROLE=receiver or ROLE=all',
  )
  return express.Router().use((request, response, next) => {
    const [, query = ''] = /\?(.*)$/s.exec(request.url) ?? []
    if (isLikeWebhook(request.method, query)) refuse(request, response, next)
    else next()
  })
}

/** Creates the receiver, for the HTTP server, and answers what other processes ask about its quarantine. */
export function createWebhooks(
  base: Base,
  { dataFolder, quarantine, relay, requestTimes }: Parts,
): RequestHandler {
  const { config, lifecycle, broker, addressOf, metrics, refusals, tracing, log } = base
  if (config.WEBHOOK_AUTH === 'off')
    log.warn('WEBHOOK_AUTH is off: anyone who knows the path can send recalls')
  const isAllowed = createNetworkMatcher(config.WEBHOOK_ALLOW)
  const mayCall = (request: IncomingMessage): boolean =>
    config.WEBHOOK_ALLOW.length === 0 || isAllowed(addressOf(request))
  const announce = ({ group, userIds }: MembershipEnd): Promise<unknown> =>
    Promise.all(encodeMembershipEnd(group, userIds).map((text) => broker.announce('memberships', text)))
  const announcer = createAnnouncer(options.announcer(config), { announce, log })
  lifecycle.onStop('announcer', announcer.stop)
  const receiver = createReceiver(
    { ...options.receiver(config), mayCall, isFromProxy: createIsFromProxy(config.TRUST_PROXY) },
    {
      broker,
      quarantine,
      announceEnd: announcer.announceEnd,
      relay: relay?.relay,
      requestTimes,
      metrics,
      refusals,
      tracing,
      log,
    },
  )
  lifecycle.onStop('receiver', async () => receiver.stop())
  const { retryWebhook } = receiver
  const retrying = createRetrying({ quarantine, retryWebhook, retryRelay: relay?.retry ?? refuseRelay, log })
  const answer = createAnswering(dataFolder, { quarantine, retrying })
  const stopAnswering = broker.onAsk(quarantineName(dataFolder), answer)
  lifecycle.onStop('quarantine for others', async () => stopAnswering())
  return receiver.handle
}

const refuseRelay = async (): Promise<never> => {
  throw new GatewayError('WEBHOOK_MALFORMED', 'this receiver has no relay')
}
