import type { IncomingMessage } from 'node:http'
import { encodeMembershipEnd } from '../auth/announcements.ts'
import * as options from '../config/options.ts'
import { createNetworkMatcher } from '../http/client-address.ts'
import type { RequestHandler } from '../http/server.ts'
import { createAnnouncer } from '../receiver/announcer.ts'
import type { MembershipEnd } from '../receiver/commands/membership.ts'
import type { Quarantine } from '../receiver/quarantine/quarantine.ts'
import { createReceiver } from '../receiver/receiver.ts'
import type { Base } from './base.ts'

/** Creates the receiver, for the HTTP server. */
export function createWebhooks(base: Base, quarantine: Quarantine): RequestHandler {
  const { config, lifecycle, broker, addressOf, metrics, refusals, log } = base
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
    { ...options.receiver(config), mayCall },
    { broker, quarantine, announceEnd: announcer.announceEnd, metrics, refusals, log },
  )
  lifecycle.onStop('receiver', async () => receiver.stop())
  return receiver.handle
}
