import { expect } from 'chai'
import { createAppEndpoint } from '../../server/auth/membership/app-endpoint.ts'
import { createTencentRest } from '../../server/auth/membership/tencent-rest.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startFakeServer } from '../support/fake-server.ts'

/** After three without an answer, the fourth would not be asked. */
const REQUESTS = 5

describe('a server that answers with more than is read', () => {
  const onCleanUp = cleanUpAfterEach()

  for (const [name, create] of Object.entries({
    AUTHORIZE_URL: (url: string) => createAppEndpoint({ url, secret: 'a'.repeat(32), app: '1' }),
    "Tencent's REST API": (host: string) =>
      createTencentRest({ host, app: '1', adminId: 'admin', key: 'k'.repeat(64), perSecond: 100 }),
  }))
    it(`is not taken for one that does not answer: ${name}`, async () => {
      let asked = 0
      const server = await startFakeServer(() => {
        asked++
        return { body: { allowed: true, text: 'a'.repeat(300_000) } }
      })
      onCleanUp(server.stop)
      const isMember = create(server.url)
      for (let i = 1; i <= REQUESTS; i++) {
        const error = await isMember('user', { group: `g${i}` }).then(
          () => undefined,
          (reason: unknown) => (reason instanceof Error ? reason.message : reason),
        )
        expect(error).to.match(new RegExp(`^${name}: the response is larger than \\d+ bytes$`))
        expect(asked).to.equal(i)
      }
    })
})
