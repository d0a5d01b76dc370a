import type { Router } from 'express'
import { createApi } from '../api/api.ts'
import { createAudit } from '../api/audit.ts'
import { refuseRooms, refuseStatus, serveStatus } from '../api/status.ts'
import * as options from '../config/options.ts'
import { serveClientScript, serveConsole, serveDocuments } from '../http/static-files.ts'
import { answerPresence, createPresence } from '../realtime/presence/all-presence.ts'
import type { Realtime } from '../realtime/realtime.ts'
import type { AskProcesses } from '../telemetry/ask-processes.ts'
import { followRevocations } from './access.ts'
import type { Access } from './access.ts'
import type { Base } from './base.ts'
import type { SelfReports } from './self.ts'
import { refuseWebhooks } from './webhooks.ts'

type PageDependencies = Base &
  SelfReports &
  Pick<Parameters<typeof createApi>[1], 'door' | 'quarantines' | 'folders'> & {
    readonly askProcesses: AskProcesses
  }

/** Creates the routers that a node serves next to its sockets. */
export function createPages(
  base: PageDependencies,
  access: Access,
  { openStream, socketsIn, presence: own }: Realtime,
): Router[] {
  const self = base.deployment.process
  const stopAnswering = answerPresence(self, own, base.broker)
  base.lifecycle.onStop('presence', async () => stopAnswering())
  const audit = createAudit(base)
  base.lifecycle.onStop('audit', audit.stop)
  const evidenceKeys = base.config.EVIDENCE_KEY
  const api = createApi(options.api(base.config), {
    ...base,
    ...access,
    evidenceKeys,
    openStream,
    socketsIn,
    presence: createPresence({ ...base, self, own }),
    audit,
  })
  const refusing = base.config.ROLE === 'node' ? [refuseWebhooks()] : []
  return [...refusing, api, serveClientScript(), serveDocuments(), serveConsole()]
}

/** Creates what a receiver serves: its status, if it can check tokens, and the documents. */
export function createReceiverPages(base: Base & SelfReports, access: Access | undefined): Router[] {
  if (access === undefined) return [refuseStatus(), refuseRooms(), serveDocuments()]
  const stop = followRevocations(base.broker, access)
  base.lifecycle.onStop('revocations', async () => stop())
  return [serveStatus({ testRecalls: false }, { ...base, ...access }), refuseRooms(), serveDocuments()]
}
