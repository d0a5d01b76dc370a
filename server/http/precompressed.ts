import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Stats } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import type { RequestHandler } from 'express'
import Negotiator from 'negotiator'
import { GatewayError } from '../../shared/errors.ts'

/** The smaller one first: browsers give them the same weight, in another order. */
const ENCODINGS = ['br', 'gzip'] as const

interface CacheOptions {
  /** For files whose names contain a hash of their content. Others must be revalidated each time. */
  readonly immutable: boolean
}

/**
 * Serves the files of a folder in `dist/server`, compressed as the client prefers: the build put them beside it, under
 * `br/<folder>` and `gzip/<folder>`. A client that accepts nothing, not even an uncompressed file, gets that nevertheless.
 */
export function servePrecompressed(folder: string, { immutable }: CacheOptions): RequestHandler {
  const cache = immutable ? { immutable, maxAge: '1y' } : { maxAge: 0 }
  const serveFrom = (encoding?: string): RequestHandler =>
    express.static(fileURLToPath(new URL(`../${encoding ?? '.'}/${folder}/`, import.meta.url)), {
      ...cache,
      redirect: false,
      // The files are small, and a part of a compressed one is of no use.
      acceptRanges: false,
      // The time of a build differs from node to node, the content does not.
      lastModified: false,
      setHeaders(response: ServerResponse, path, stats) {
        if (encoding !== undefined) response.setHeader('Content-Encoding', encoding)
        response.setHeader('ETag', etagOf(path, stats))
      },
    })
  const servers = { br: serveFrom('br'), gzip: serveFrom('gzip') }
  const serveUncompressed = serveFrom()

  return (request, response, next) => {
    const finish = (error?: unknown): void => {
      // Whatever is sent instead of the file is not compressed.
      response.removeHeader('Content-Encoding')
      response.removeHeader('ETag')
      next(isPreconditionFailed(error) ? new GatewayError('REQUEST_MALFORMED', 'If-Match is not met') : error)
    }
    response.vary('Accept-Encoding')
    const preferred = preferredEncoding(request)
    if (preferred === undefined) return serveUncompressed(request, response, finish)
    servers[preferred](request, response, (error?: unknown) => {
      if (error === undefined) serveUncompressed(request, response, finish)
      else finish(error)
    })
  }
}

const isPreconditionFailed = (error: unknown): boolean =>
  error instanceof Error && 'statusCode' in error && error.statusCode === 412

/** Its types do not describe the option yet. */
interface WithPreference {
  encoding(
    available: readonly string[],
    options: { readonly preferred: readonly string[] },
  ): string | undefined
}

/** Undefined for none. */
function preferredEncoding(request: IncomingMessage): (typeof ENCODINGS)[number] | undefined {
  const negotiator = new Negotiator(request) as WithPreference
  const preferred = negotiator.encoding([...ENCODINGS, 'identity'], { preferred: ENCODINGS })
  return ENCODINGS.find((encoding) => encoding === preferred)
}

/** Etags by path, each with the state of the file that it is for. As many as the build has files. */
const etags = new Map<string, { readonly state: string; readonly etag: string }>()

/** A hash of the content as sent, so that each encoding has its own. All nodes of one version agree on it. */
function etagOf(path: string, { mtimeMs, size }: Stats): string {
  const state = `${mtimeMs} ${size}`
  const known = etags.get(path)
  if (known?.state === state) return known.etag
  const etag = `"${createHash('sha256').update(readFileSync(path)).digest('base64url').slice(0, 22)}"`
  etags.set(path, { state, etag })
  return etag
}
