import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Server as HttpsServer } from 'node:https'
import { GatewayError } from '../../shared/errors.ts'
import type { Logger } from '../telemetry/logger.ts'

const CHECK_INTERVAL_MS = 2_000

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** What a server of TLS 1.2 or newer is made with. Throws START_FAILED when the files do not hold it. */
export function readTls({ cert, key }: TlsFiles) {
  try {
    const context = { cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.2' as const }
    createSecureContext(context)
    return context
  } catch (cause) {
    throw new GatewayError('START_FAILED', 'TLS_CERT and TLS_KEY are no certificate and its key', { cause })
  }
}

/** Lets new connections have what the files hold, whenever they change. Answers how to stop. */
export function reloadTls(
  server: Pick<HttpsServer, 'setSecureContext'>,
  files: TlsFiles,
  log: Logger,
): () => void {
  const reload = (): void => {
    try {
      server.setSecureContext(readTls(files))
      log.info('certificate read again')
    } catch (err) {
      // Half written, perhaps: the old one serves on until the files change again.
      log.error({ err }, 'certificate could not be read, the old one stays')
    }
  }
  const paths = [files.cert, files.key]
  for (const path of paths) watchFile(path, { interval: CHECK_INTERVAL_MS, persistent: false }, reload)
  return () => {
    for (const path of paths) unwatchFile(path, reload)
  }
}
