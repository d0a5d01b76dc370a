import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { buildConnector } from 'undici'
import { GatewayError, reasonOf } from '../../../shared/errors.ts'
import { watchFiles } from '../../lib/watch-files.ts'
import type { Logger } from '../../telemetry/logger.ts'

const CONNECT_TIMEOUT_MS = 3_000

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

interface BackendConnector {
  readonly connect: buildConnector.connector
  /** Watches the files no more. */
  stop(): void
}

/**
 * Opens connections to the backend with what the files contain, also after they were renewed. Throws START_FAILED if one is of no
 * use.
 */
export function createConnector(files: TlsFiles, log: Pick<Logger, 'info' | 'error'>): BackendConnector {
  const build = (): buildConnector.connector =>
    buildConnector({ timeout: CONNECT_TIMEOUT_MS, ...readTls(files) })
  let connector = build()

  function reload(): void {
    try {
      connector = build()
      log.info('files of RELAY_TLS_… reloaded')
    } catch (err) {
      // Perhaps a file is half written. The old ones are used until they change again.
      log.error({ err }, 'cannot reload the files of RELAY_TLS_…, keeping the old ones')
    }
  }

  const paths = Object.values(files).filter((path) => path !== undefined)
  return {
    connect: (options, callback) => connector(options, callback),
    stop: watchFiles(paths, reload),
  }
}

function readTls({ ca, cert, key }: TlsFiles) {
  const context = {
    ...(ca !== undefined && { ca: readPem('RELAY_TLS_CA', ca) }),
    ...(cert !== undefined && { cert: readPem('RELAY_TLS_CERT', cert) }),
    ...(key !== undefined && { key: readPem('RELAY_TLS_KEY', key) }),
  }
  try {
    createSecureContext(context)
    return context
  } catch (cause) {
    throw new GatewayError('START_FAILED', `the files of RELAY_TLS_… are of no use: ${reasonOf(cause)}`, {
      cause,
    })
  }
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot read the file of ${setting}: ${reasonOf(cause)}`, {
      cause,
    })
  }
}
