import type { Request, Response } from 'express'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import type { AuditEntry } from '../../shared/http-api/audit.ts'
import type { Room } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Audit } from './audit.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import { writeTo } from './streamed-response.ts'

const RETRY_MS = 5_000
/** A file counts as so many more requests. */
const EXTRA_CHARGE = 50
/** Lines are handed to the system together, unless there is little to say for so long. */
const CHUNK_BYTES = 2 ** 16
const CHUNK_MS = 1_000

/** How a file ended; with a code if it is not complete, which its last lines say too. */
export interface FileEnd {
  readonly code?: string
  /** What the audit is to have of it. */
  readonly details?: AuditEntry['details']
}

interface StreamedFile {
  readonly room: Room
  readonly act: Pick<AuditEntry, 'action' | 'details'>
  readonly contentType: string
  readonly name: string
  /**
   * Returns the text, in pieces of any length. It is to call `mayRead` before each read, and to end the file by itself if that rejects after
   * the first piece.
   */
  readonly lines: (mayRead: () => Promise<void>) => AsyncGenerator<string, FileEnd>
}

interface StreamedFilesDependencies {
  readonly authorization: Pick<Authorization, 'authorize'>
  readonly audit: Pick<Audit, 'note'>
}

/**
 * Responds with files of any length, one of a user and `max` of this process at a time: as fast as they are read, and no longer than somebody
 * reads them. The audit has when each began, and how it ended. Rejects if there is none.
 */
export function createStreamedFiles(
  { what, max }: { readonly what: string; readonly max: number },
  { authorization, audit }: StreamedFilesDependencies,
) {
  const writing = new Set<string>()

  return async (request: Request, response: Response, file: StreamedFile): Promise<void> => {
    const principal = principalOf(response)
    if (writing.has(principal.id) || writing.size >= max)
      throw new GatewayError('TOO_MANY_REQUESTS', `one ${what} of a user, and ${max} of a node, at a time`, {
        retryInMs: RETRY_MS,
      })
    const note = (result: AuditEntry['result'], { code, details }: FileEnd = {}): Promise<void> =>
      audit.note(
        request,
        response,
        { ...file.act, details: { ...file.act.details, ...details } },
        { result, ...(code !== undefined && { code }) },
      )
    writing.add(principal.id)
    try {
      await chargeUser(response, EXTRA_CHARGE)
      const mayRead = async (): Promise<void> => void (await authorization.authorize(principal, file.room))
      await mayRead()
      await note('begun')
      const end = await send(response, file, file.lines(mayRead))
      if (end === undefined) return await note('cancelled')
      await note(end.code === undefined ? 'done' : 'failed', end)
      response.end()
    } catch (error) {
      await note('failed', { code: asGatewayError(error).code })
      throw error
    } finally {
      writing.delete(principal.id)
    }
  }
}

/** Returns how the file ended; undefined if nobody reads it any more. */
async function send(
  response: Response,
  { contentType, name }: StreamedFile,
  lines: AsyncGenerator<string, FileEnd>,
): Promise<FileEnd | undefined> {
  let chunk = ''
  let sentAtMs = performance.now()
  for (;;) {
    const { done, value } = await lines.next()
    if (response.destroyed) {
      if (!done) await lines.return({})
      return undefined
    }
    if (!response.headersSent) {
      response.setHeader('Content-Type', contentType)
      response.setHeader('Content-Disposition', `attachment; filename="${name}"`)
      // There may be nothing to write for longer than a proxy waits.
      response.flushHeaders()
    }
    if (!done) chunk += value
    const isDue = chunk.length >= CHUNK_BYTES || performance.now() - sentAtMs > CHUNK_MS
    if (chunk !== '' && (done || isDue)) {
      await writeTo(response, chunk)
      chunk = ''
      sentAtMs = performance.now()
    }
    if (done) return value
  }
}
