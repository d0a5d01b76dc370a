import type { RequestHandler } from 'express'
import Joi from 'joi'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import { FEED } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Broker } from '../broker/broker.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Audit } from './audit.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import { EXPORT_FORMATS } from './export-lines.ts'
import type { ExportEnd } from './export-lines.ts'
import { filterText, roomNamedBy, toFilter } from './filter-query.ts'
import { search } from './log-search.ts'
import type { Cursor } from './log-search.ts'
import { parseQuery } from './requests.ts'
import { paceLog } from './search.ts'
import { writeTo } from './streamed-response.ts'

/** Exports of a process at a time, and of one user. Each holds a page of about a megabyte. */
const MAX_EXPORTS = 3
const RETRY_MS = 5_000
/** An export counts as so many more requests. */
const EXTRA_CHARGE = 50
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
  readonly broker: Pick<Broker, 'history' | 'excerpts'>
  readonly authorization: Pick<Authorization, 'authorize'>
  readonly turns: Pick<RequestTurns, 'goOn'>
  readonly audit: Audit
  readonly log: Logger
}

/**
 * `GET /v1/export`: everything that a filter finds, the newest first, in a response of any length. It is written as fast as it is read, and
 * its last line says whether it is complete.
 */
export function createExport({
  broker,
  authorization,
  turns,
  audit,
  log,
}: ExportDependencies): RequestHandler {
  const logs = paceLog(broker, turns)
  const exporting = new Set<string>()

  return async (request, response) => {
    const { q, format: name } = parseQuery(exportSchema, request)
    const filter = toFilter(q)
    const asked = { filter, room: roomNamedBy(filter), limit: PAGE.limit }
    const principal = principalOf(response)
    if (exporting.has(principal.id) || exporting.size >= MAX_EXPORTS)
      throw new GatewayError('TOO_MANY_REQUESTS', 'one export of a user, and 3 of a node, at a time', {
        retryInMs: RETRY_MS,
      })
    exporting.add(principal.id)
    const note = (end: Partial<ExportEnd>, result: 'begun' | 'done' | 'cancelled' | 'failed') =>
      audit.note(
        request,
        response,
        { action: 'export', details: { q, format: name, recalls: end.recalls } },
        { result, ...(end.code !== undefined && { code: end.code }) },
      )
    const format = EXPORT_FORMATS[name]
    let recalls = 0
    try {
      await chargeUser(response, EXTRA_CHARGE)
      await note({}, 'begun')
      const next = async (cursor: Cursor | undefined) => {
        await authorization.authorize(principal, FEED)
        return await search(logs, { ...asked, cursor }, PAGE.bounds)
      }
      // Before the first line, an error is a response of its own.
      let page = await next(undefined)
      let code: string | undefined
      response.setHeader('Content-Type', format.contentType)
      response.setHeader('Content-Disposition', `attachment; filename="${fileName(name)}"`)
      await writeTo(response, format.head)
      while (!response.destroyed) {
        // What was written before would be there once more.
        if (page.restarted) code = 'LOG_REPLACED'
        else {
          for (const hit of page.hits) {
            recalls++
            await writeTo(response, format.recall(hit))
            if (response.destroyed) break
          }
        }
        if (page.cursor === undefined || code !== undefined || response.destroyed) break
        try {
          page = await next(page.cursor)
        } catch (error) {
          code = asGatewayError(error).code
          if (code === 'INTERNAL') log.error({ err: error }, 'export ended early')
          break
        }
      }
      // The oldest of the log may have gone while the newest were written.
      const { keptSinceMs } = page
      const end = { complete: code === undefined, ...(code !== undefined && { code }), recalls, keptSinceMs }
      if (response.destroyed) return await note({ recalls }, 'cancelled')
      await note(end, code === undefined ? 'done' : 'failed')
      response.end(format.end(end))
    } catch (error) {
      await note({ recalls, code: asGatewayError(error).code }, 'failed')
      throw error
    } finally {
      exporting.delete(principal.id)
    }
  }
}

const fileName = (format: string): string =>
  `recalls-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.${format}`
