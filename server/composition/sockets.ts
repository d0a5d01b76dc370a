import type { RespondingProcess } from '../../shared/http-api/identity.ts'
import type { Broker } from '../broker/broker.ts'
import * as options from '../config/options.ts'
import { createRealtime } from '../realtime/realtime.ts'
import type { Realtime } from '../realtime/realtime.ts'
import { createToldNotes } from '../realtime/rooms/told-notes.ts'
import type { Access } from './access.ts'
import type { Base } from './base.ts'
import { waitingOnDisk } from './storage.ts'
import type { Stores } from './storage.ts'

interface Dependencies {
  readonly access: Access
  /** For reads of logs: they wait for each other, so that webhooks do not wait for them. */
  readonly reads: Broker
  readonly stores: Stores | undefined
  /** What the process calls itself; asked when the first notices are told. */
  readonly self: () => RespondingProcess
}

/** Creates what serves sockets and streams, with notes of when notices were told if evidence is signed here. */
export function createSockets(base: Base, { access, reads, stores, self }: Dependencies): Realtime {
  const { config, lifecycle, broker, log } = base
  const notes =
    config.EVIDENCE_KEY.length > 0 ? createToldNotes({ broker, node: () => nameOf(self()), log }) : undefined
  if (notes) lifecycle.onStop('notes of what was told', notes.stop)
  return createRealtime(options.realtime(config), {
    ...base,
    ...access,
    reads,
    onTold: notes?.onTold,
    waitingOnDisk: () => waitingOnDisk(stores),
  })
}

/** How evidence calls a process. */
const nameOf = ({ id, host }: RespondingProcess): string => `${id} on ${host}`
