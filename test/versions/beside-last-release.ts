import type { createRecallClient } from '../../shared/client.ts'
import { buildLastRelease, whyNoRelease } from './build-release.ts'
import type { Release } from './build-release.ts'

/** The last release, or this version. */
export type Version = 'last' | 'this'

/** Returns the command line of a version; undefined for this one. */
type MainOf = (version: Version) => string | undefined

/** Returns the function of the last release that creates a client. */
type LoadClient = () => Promise<typeof createRecallClient>

const BUILD_TIMEOUT_MS = 120_000

/**
 * Like `describe`, with the last release built before. Without its commit, as in a copy of the files alone, the tests do not
 * run, which is said once; in CI, they fail.
 */
export function describeBesideLastRelease(
  title: string,
  suite: (mainOf: MainOf, loadClient: LoadClient) => void,
): void {
  describe(title, () => {
    if (missing !== undefined && !process.env['CI']) {
      console.warn(`${title}: not tested, ${missing}`)
      return
    }
    let release: Release | undefined
    before(async function () {
      this.timeout(BUILD_TIMEOUT_MS)
      if (missing !== undefined) throw new Error(missing)
      release = await buildLastRelease()
    })
    suite(
      (version) => (version === 'last' ? release?.main : undefined),
      async () => {
        const loaded = (await import(release?.client ?? '')) as {
          createRecallClient: typeof createRecallClient
        }
        return loaded.createRecallClient
      },
    )
  })
}

const missing = await whyNoRelease()
