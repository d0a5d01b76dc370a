import { readFileSync } from 'node:fs'
import type { Server as HttpsServer } from 'node:https'
import { createSecureContext } from 'node:tls'
import { GatewayError } from '../../shared/errors.ts'
import { watchFiles } from '../lib/watch-files.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/**
 * Returns the options of a server that speaks TLS 1.2 or newer. Throws START_FAILED if a file cannot be read, or unless the files
 * match each other.
 */
export function readTls({ cert, key }: TlsFiles) {
  const context = {
    cert: readPem('TLS_CERT', cert),
    key: readPem('TLS_KEY', key),
    minVersion: 'TLSv1.2' as const,
  }
  try {
    createSecureContext(context)
    return context
  } catch (cause) {
    const text = `TLS_CERT and TLS_KEY are not a certificate and its key: ${messageOf(cause)}`
    throw new GatewayError('START_FAILED', text, { cause })
  }
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot read the file of ${setting}: ${messageOf(cause)}`, {
      cause,
    })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Reloads the files whenever they change, for new connections. Returns a function that stops it. */
export function reloadTls(
  server: Pick<HttpsServer, 'setSecureContext'>,
  files: TlsFiles,
  log: Logger,
): () => void {
  const reload = (): void => {
    try {
      server.setSecureContext(readTls(files))
      log.info('certificate reloaded')
    } catch (err) {
      // Perhaps a file is half written. The old certificate is used until the files change again.
      log.error({ err }, 'cannot reload certificate, keeping the old one')
    }
  }
  return watchFiles([files.cert, files.key], reload)
}
