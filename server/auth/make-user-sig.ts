import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'

interface UserSigClaims {
  readonly userId: string
  readonly app: string
  readonly key: string
  readonly nowS: number
  readonly lifeS: number
}

/** A UserSig (TLSSigAPIv2). Pure. Source: tencentyun/tls-sig-api-v2. */
export function makeUserSig({ userId, app, key, nowS, lifeS }: UserSigClaims): string {
  const content = `TLS.identifier:${userId}\nTLS.sdkappid:${app}\nTLS.time:${nowS}\nTLS.expire:${lifeS}\n`
  const document = {
    'TLS.ver': '2.0',
    'TLS.identifier': userId,
    'TLS.sdkappid': Number(app),
    'TLS.time': nowS,
    'TLS.expire': lifeS,
    'TLS.sig': createHmac('sha256', key).update(content).digest('base64'),
  }
  return deflateSync(JSON.stringify(document))
    .toString('base64')
    .replaceAll('+', '*')
    .replaceAll('/', '-')
    .replaceAll('=', '_')
}
