import type { RequestHandler, Response } from 'express'
import { GatewayError } from '../../shared/errors.ts'
import type { EvidenceKeyResponse } from '../../shared/http-api/evidence.ts'
import { JSON_LINES_TYPE } from '../../shared/limits.ts'
import { roomName } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Broker } from '../broker/broker.ts'
import type { EvidenceKey } from '../evidence/keys.ts'
import { writeEvidence } from '../evidence/write.ts'
import type { Audit } from './audit.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import { parseEvidence } from './evidence-requests.ts'
import { writeTo } from './streamed-response.ts'
import type { Deployment } from './whoami.ts'

/** Files that a process writes at a time: each holds up to 100 entries, which can be 25 MB. */
const MAX_FILES = 2
const RETRY_MS = 5_000
/** A file counts as so many more requests. */
const EXTRA_CHARGE = 50
/** Lines are handed to the system together. */
const CHUNK_BYTES = 2 ** 16

interface EvidenceDependencies {
  readonly broker: Broker
  readonly authorization: Pick<Authorization, 'authorize'>
  /** The first one signs. */
  readonly evidenceKeys: readonly EvidenceKey[]
  readonly deployment: Deployment
  readonly audit: Pick<Audit, 'note'>
}

/** Lets admins prove recalls: files of evidence, and the keys with which they can be checked. */
export function createEvidenceHandlers({
  broker,
  authorization,
  evidenceKeys,
  deployment,
  audit,
}: EvidenceDependencies) {
  const [key] = evidenceKeys
  let files = 0

  function requiredKey(): EvidenceKey {
    if (key === undefined) throw new GatewayError('EVIDENCE_KEY_MISSING')
    return key
  }

  /** `GET /v1/evidence`: what the log of a room holds, as a file that shows any later change. Responds with JSON Lines of any length. */
  const evidence: RequestHandler = async (request, response) => {
    const signing = requiredKey()
    const asked = parseEvidence(request)
    const principal = principalOf(response)
    const { id: askedBy } = principal
    const mayRead = (): Promise<unknown> => authorization.authorize(principal, asked.room)
    if (files >= MAX_FILES)
      throw new GatewayError('TOO_MANY_REQUESTS', `this node writes ${files} files of evidence already`, {
        retryInMs: RETRY_MS,
      })
    files++
    try {
      await chargeUser(response, EXTRA_CHARGE)
      await mayRead()
      const { app, environment, process } = deployment
      const { room, q, sinceMs, untilMs } = asked
      const details = { room: roomName(room), q, sinceMs, untilMs }
      await audit.note(request, response, { action: 'evidence', details }, { result: 'begun' })
      const lines = writeEvidence(
        { ...asked, askedBy },
        { broker, key: signing, app, environment, version: process.version },
      )
      const name = `recalls-${roomName(room)}-${new Date().toISOString()}`.replaceAll(/[^\w.-]+/g, '_')
      await send(response, whileAllowed(lines, mayRead), `${name.slice(0, 120)}.jsonl`)
    } finally {
      files--
    }
  }

  /** `GET /v1/evidence-key`: the public keys, to be noted before they are needed. */
  const evidenceKey: RequestHandler = (_request, response) => {
    requiredKey()
    const keys = evidenceKeys.map(({ id, publicKey }) => ({ id, publicKey }))
    response.json({ ok: true, keys } satisfies EvidenceKeyResponse)
  }

  return { evidence, evidenceKey }
}

/** Who is taken out of the room meanwhile gets no more of it: the file ends without its head, and is not verified. */
async function* whileAllowed(
  lines: AsyncIterable<string>,
  mayRead: () => Promise<unknown>,
): AsyncIterable<string> {
  let length = 0
  for await (const line of lines) {
    length += line.length
    if (length >= CHUNK_BYTES) {
      await mayRead()
      length = 0
    }
    yield line
  }
}

/** Writes the lines as fast as they are read, and no longer than somebody reads them. Rejects if there is none. */
async function send(response: Response, lines: AsyncIterable<string>, fileName: string): Promise<void> {
  let chunk = ''
  for await (const line of lines) {
    if (response.destroyed) return
    if (!response.headersSent) {
      response.setHeader('Content-Type', JSON_LINES_TYPE)
      response.setHeader('Content-Disposition', `attachment; filename="${fileName}"`)
    }
    chunk += line
    if (chunk.length < CHUNK_BYTES) continue
    await writeTo(response, chunk)
    chunk = ''
  }
  response.end(chunk)
}
