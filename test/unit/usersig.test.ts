import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { expect } from 'chai'
import { Api } from 'tls-sig-api-v2'
import { verifyUserSig } from '../../server/auth/usersig.ts'

const APP = '1400000000'
const KEY = 'a'.repeat(64)
/** Signed with the npm package and confirmed with openssl: user-1, at 1700000000, for a day. */
const VECTOR =
  'eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwqXFqUW6hlCZ4pTsxIKCzBQlK0MTAyiAyJRk5qYqWRmao4qmVhRkFqUqWVmYmcCEijPTlayU8kxS9EszXT2CEotS8otyS6uMPMLNvMtNQ438Pf0iy-M9Q0LM88MjjYNTA22VagGt9TDm'
const NOW_MS = 1_700_000_000_000
const NOW_S = NOW_MS / 1_000

const check = (text: string, fields: Partial<Parameters<typeof verifyUserSig>[1]> = {}) =>
  verifyUserSig(text, { userId: 'user-1', app: APP, key: KEY, nowMs: NOW_MS, ...fields })

const pack = (bytes: Buffer): string =>
  bytes.toString('base64').replaceAll('+', '*').replaceAll('/', '-').replaceAll('=', '_')
const packJson = (document: unknown): string => pack(deflateSync(JSON.stringify(document)))
const sign = (content: string, key = KEY): string =>
  createHmac('sha256', key).update(content).digest('base64')
const contentOf = (id: string, time: number, expire: number): string =>
  `TLS.identifier:${id}\nTLS.sdkappid:${APP}\nTLS.time:${time}\nTLS.expire:${expire}\n`
const documentOf = (id = 'user-1', time = NOW_S, expire = 600) => ({
  'TLS.ver': '2.0',
  'TLS.identifier': id,
  'TLS.sdkappid': Number(APP),
  'TLS.time': time,
  'TLS.expire': expire,
  'TLS.sig': sign(contentOf(id, time, expire)),
})

describe('UserSig', () => {
  it('of the fixed vector is valid until it expires, and no longer', () => {
    const expiresAtMs = NOW_MS + 86_400_000
    expect(check(VECTOR)).to.deep.equal({ expiresAtMs })
    expect(check(VECTOR, { nowMs: expiresAtMs - 1 })).to.deep.equal({ expiresAtMs })
    expect(check(VECTOR, { nowMs: expiresAtMs })).to.deep.equal({
      refusal: 'userSig has expired',
      isSigned: true,
      expiredAtMs: NOW_MS + 86_400_000,
    })
  })

  it("signed by Tencent's npm package is valid, for any identifier", () => {
    for (const userId of ['user-1', '@RBT#001', '张三', `a"b\\c'd e`]) {
      const userSig = new Api(Number(APP), KEY).genUserSig(userId, 600)
      expect(check(userSig, { userId, nowMs: Date.now() })).to.have.property('expiresAtMs')
    }
  })

  it('of another user, app or key is refused', () => {
    expect(check(VECTOR, { userId: 'user-2' })).to.deep.equal({ refusal: 'userSig is for another user' })
    expect(check(VECTOR, { app: '1400000001' })).to.deep.equal({ refusal: 'userSig is for another app' })
    const refusal = 'userSig is not signed with the key of the app'
    expect(check(VECTOR, { key: 'b'.repeat(64) })).to.deep.equal({ refusal })
    expect(check(packJson({ ...documentOf(), 'TLS.expire': 601 }))).to.deep.equal({ refusal })
    expect(check(packJson({ ...documentOf(), 'TLS.sig': '' }))).to.have.property('refusal')
    expect(check(packJson({ ...documentOf(), 'TLS.sig': 'AAAA' }))).to.deep.equal({ refusal })
  })

  it('that is a permission for a TRTC room is refused', () => {
    const permission = new Api(Number(APP), KEY).genPrivateMapKey('user-1', 600, 1, 255)
    expect(check(permission, { nowMs: Date.now() })).to.deep.equal({ refusal: 'userSig is not well formed' })
  })

  it('cannot be forged from one signed for an identifier with line feeds', () => {
    // The same signed text, read as a document that names admin and has the rest in the userbuf.
    const expire = 600
    const rest = `TLS.sdkappid:${APP}\nTLS.time:${NOW_S}\nTLS.expire:${expire}\nTLS.userbuf:eA==`
    const identifier = `admin\n${rest}`
    const signed = contentOf(identifier, NOW_S, expire)
    const forged = {
      ...documentOf('admin'),
      'TLS.userbuf': Buffer.from('x').toString('base64'),
      'TLS.sig': sign(signed),
    }
    expect(check(packJson(forged), { userId: 'admin' })).to.have.property('refusal')
    expect(
      check(packJson({ ...documentOf(identifier), 'TLS.sig': sign(signed) }), { userId: identifier }),
    ).to.deep.equal({
      refusal: 'userSig is not well formed',
    })
  })

  it('is not valid before its time, nor longer than a year', () => {
    expect(check(packJson(documentOf('user-1', NOW_S + 60)))).to.have.property('expiresAtMs')
    expect(check(packJson(documentOf('user-1', NOW_S + 61)))).to.deep.equal({
      refusal: 'userSig is not valid yet',
      isSigned: true,
      retryInMs: 1_000,
    })
    expect(check(packJson(documentOf('user-1', NOW_S, 2 ** 40)))).to.deep.equal({
      expiresAtMs: NOW_MS + 31_536_000_000,
    })
  })

  it('of another shape is refused, whatever it contains', () => {
    const malformed = [
      '',
      'nonsense',
      'a b',
      '*'.repeat(2_049),
      VECTOR.slice(0, -20),
      `${VECTOR}=`,
      pack(Buffer.from('{}')),
      pack(deflateSync('not JSON')),
      pack(deflateSync(Buffer.alloc(2_000_000))),
      packJson(null),
      packJson([]),
      packJson({}),
      packJson({ ...documentOf(), 'TLS.time': String(NOW_S) }),
      packJson({ ...documentOf(), 'TLS.time': NOW_S + 0.5 }),
      packJson({ ...documentOf(), 'TLS.expire': -1 }),
      packJson({ ...documentOf(), 'TLS.sdkappid': APP }),
      packJson({ ...documentOf(), 'TLS.identifier': 1 }),
      packJson({ ...documentOf(), 'TLS.userbuf': '' }),
    ]
    for (const text of malformed)
      expect(check(text), text.slice(0, 40)).to.deep.equal({ refusal: 'userSig is not well formed' })
  })
})
