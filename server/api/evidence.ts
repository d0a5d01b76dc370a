import type { RequestHandler } from 'express'
import { GatewayError } from '../../shared/errors.ts'
import type { EvidenceKeyResponse } from '../../shared/http-api/evidence.ts'
import { JSON_LINES_TYPE } from '../../shared/limits.ts'
import { roomName } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Broker } from '../broker/broker.ts'
import type { EvidenceKey } from '../lib/evidence-keys.ts'
import { writeEvidence } from '../evidence/write.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { Audit } from './audit.ts'
import { principalOf } from './bearer-auth.ts'
import { parseEvidence } from './evidence-requests.ts'
import { createStreamedFiles } from './streamed-file.ts'
import type { Deployment } from './whoami.ts'

/** Files that a process writes at a time: each holds up to 100 entries, which can be 25 MB. */
const MAX_FILES = 2

interface EvidenceDependencies {
  readonly broker: Broker
  readonly authorization: Pick<Authorization, 'authorize'>
  /** The first one signs. */
  readonly evidenceKeys: readonly EvidenceKey[]
  readonly deployment: Deployment
  readonly turns: Pick<RequestTurns, 'goOn'>
  readonly audit: Pick<Audit, 'note'>
}

/** Lets admins prove recalls: files of evidence, and the keys with which they can be checked. */
export function createEvidenceHandlers({
  broker,
  authorization,
  evidenceKeys,
  deployment,
  turns,
  audit,
}: EvidenceDependencies) {
  const [key] = evidenceKeys
  const stream = createStreamedFiles({ what: 'file of evidence', max: MAX_FILES }, { authorization, audit })

  function requiredKey(): EvidenceKey {
    if (key === undefined) throw new GatewayError('EVIDENCE_KEY_MISSING')
    return key
  }

  /** `GET /v1/evidence`: what the log of a room holds, as a file that shows any later change. Responds with JSON Lines of any length. */
  const evidence: RequestHandler = async (request, response) => {
    const signing = requiredKey()
    const asked = parseEvidence(request)
    const { id: askedBy } = principalOf(response)
    const { app, environment, process } = deployment
    const { room, q, sinceMs, untilMs } = asked
    const name = `recalls-${roomName(room)}-${new Date().toISOString()}`.replaceAll(/[^\w.-]+/g, '_')
    await stream(request, response, {
      room,
      act: { action: 'evidence', details: { room: roomName(room), q, sinceMs, untilMs } },
      contentType: JSON_LINES_TYPE,
      name: `${name.slice(0, 120)}.jsonl`,
      lines: (mayRead) =>
        writeEvidence(
          { ...asked, askedBy },
          {
            broker: {
              told: broker.told,
              async entries(...call) {
                await mayRead()
                return await broker.entries(...call)
              },
            },
            key: signing,
            app,
            environment,
            version: process.version,
            goOn: () => turns.goOn(),
          },
        ),
    })
  }

  /** `GET /v1/evidence-key`: the public keys, to be noted before they are needed. */
  const evidenceKey: RequestHandler = (_request, response) => {
    requiredKey()
    const keys = evidenceKeys.map(({ id, publicKey }) => ({ id, publicKey }))
    response.json({ ok: true, keys } satisfies EvidenceKeyResponse)
  }

  return { evidence, evidenceKey }
}
