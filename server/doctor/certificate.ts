import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { critical, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

const DAY_MS = 86_400_000
const SOON_DAYS = 14

interface Files {
  readonly TLS_CERT?: string | undefined
  readonly TLS_KEY?: string | undefined
}

/** Looks at the certificate that the gateway serves, if it serves one. */
export function examineCertificate({ TLS_CERT: cert, TLS_KEY: key }: Files, nowMs: number): Finding[] {
  if (cert === undefined) return []
  try {
    const certificate = new X509Certificate(readFileSync(cert))
    if (key !== undefined) readFileSync(key)
    return [judgeExpiry(new Date(certificate.validTo).getTime(), nowMs)]
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [
      critical(
        'tls-certificate',
        `TLS_CERT and TLS_KEY cannot be read: ${reason}`,
        'Name PEM files that the user of the gateway may read',
      ),
    ]
  }
}

/** Judges a certificate that something in front of the gateway shows. */
export const judgeShown = (endMs: number, nowMs: number): Finding =>
  judgeExpiry(endMs, nowMs, 'See why it was not renewed, or why what shows it has not read the new one')

function judgeExpiry(
  endMs: number,
  nowMs: number,
  fix = 'Renew the certificate: the gateway reads the files again when they change',
): Finding {
  const days = Math.floor((endMs - nowMs) / DAY_MS)
  if (days < 0) return critical('tls-certificate', `it expired ${-days} days ago`, fix)
  if (days < SOON_DAYS) return warning('tls-certificate', `it expires in ${days} days`, fix)
  return ok('tls-certificate', `it is valid for ${days} days`)
}
