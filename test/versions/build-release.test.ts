import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { whyNoRelease } from './build-release.ts'
import { LAST_RELEASE } from './last-release.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))

describe('the last release', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is missing, which is said, where files were copied without their history, or only a part of it', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const said = /^the history of this checkout does not contain the last release, \w{7}: .*--unshallow/
    expect(await whyNoRelease(LAST_RELEASE, folder.path)).to.match(said)
    execFileSync('git', ['-C', folder.path, 'init', '--quiet'])
    expect(await whyNoRelease(LAST_RELEASE, folder.path)).to.match(said)
    // A folder of a repository that is not its top.
    expect(await whyNoRelease(LAST_RELEASE, HERE)).to.match(said)
  })
})
