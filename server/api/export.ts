import type { RequestHandler } from 'express'
import Joi from 'joi'
import { asGatewayError } from '../../shared/errors.ts'
import { FEED } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Audit } from './audit.ts'
import { EXPORT_FORMATS } from './export-lines.ts'
import { filterText, roomNamedBy, roomsMeantBy, toFilter } from './filter-query.ts'
import { search } from './log-search.ts'
import type { Cursor } from './log-search.ts'
import { parseQuery } from './requests.ts'
import { createStreamedFiles } from './streamed-file.ts'
import type { FileEnd } from './streamed-file.ts'

/** Exports of a process at a time. Each holds a page of about a megabyte. */
const MAX_EXPORTS = 3
/** What is looked at before it is written. */
const PAGE = { limit: 1_000, bounds: { entries: 1_000, ms: 500 } }

interface ExportQuery {
  readonly q: string
  readonly format: keyof typeof EXPORT_FORMATS
}

const exportSchema = Joi.object<ExportQuery>({
  q: filterText,
  format: Joi.valid('csv', 'jsonl').empty('').default('csv'),
})

interface ExportDependencies {
  /** Each of whose reads waits while the loop is late. */
  readonly broker: Pick<Broker, 'entries'>
  readonly authorization: Pick<Authorization, 'authorize'>
  readonly audit: Audit
  readonly log: Logger
}

/**
 * `GET /v1/export`: everything that a filter finds, the newest first, in a response of any length. It is written as fast as it is read, and
 * its last line says whether it is complete.
 */
export function createExport({ broker, authorization, audit, log }: ExportDependencies): RequestHandler {
  const stream = createStreamedFiles({ what: 'export', max: MAX_EXPORTS }, { authorization, audit })

  return async (request, response) => {
    const { q, format: name } = parseQuery(exportSchema, request)
    const filter = toFilter(q)
    const asked = { filter, room: roomNamedBy(filter), others: roomsMeantBy(filter), limit: PAGE.limit }
    const format = EXPORT_FORMATS[name]

    async function* lines(mayRead: () => Promise<void>): AsyncGenerator<string, FileEnd> {
      const next = async (cursor: Cursor | undefined) => {
        await mayRead()
        return await search(broker, { ...asked, cursor }, PAGE.bounds)
      }
      // Before the first line, an error is a response of its own.
      let page = await next(undefined)
      let recalls = 0
      let unreadable = 0
      let code: string | undefined
      yield format.head
      for (;;) {
        // What was written before would be there once more.
        if (page.restarted) code = 'LOG_REPLACED'
        else {
          unreadable += page.searched.unreadable ?? 0
          for (const hit of page.hits) {
            recalls++
            yield format.recall(hit)
          }
          // Lets go of what is held back, and ends here if nobody reads it, though nothing may match for long.
          yield ''
        }
        if (page.cursor === undefined || code !== undefined) break
        try {
          page = await next(page.cursor)
        } catch (error) {
          code = asGatewayError(error).code
          if (code === 'INTERNAL') log.error({ err: error }, 'export ended early')
          break
        }
      }
      // The oldest of the log may have gone while the newest were written.
      const { keptSinceMs, beyond } = page
      const failed = code !== undefined && { code }
      yield format.end({
        complete: code === undefined && unreadable === 0,
        ...failed,
        recalls,
        ...(unreadable > 0 && { unreadable }),
        keptSinceMs,
        ...(beyond && { beyond }),
      })
      return { ...failed, details: { recalls } }
    }

    await stream(request, response, {
      room: FEED,
      act: { action: 'export', details: { q, format: name } },
      contentType: format.contentType,
      name: fileName(name),
      lines,
    })
  }
}

const fileName = (format: string): string =>
  `recalls-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.${format}`
