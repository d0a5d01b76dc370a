import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readWebhooks } from '../../server/cli/replay-file.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('a file of webhooks to replay', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is read to its end, whatever stands in a line', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const path = join(folder.path, 'webhooks.jsonl')
    const query = 'CallbackCommand=Group.CallbackAfterRecallMsg'
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
    const lines = [
      `{"query":"${query}","body":${deep}}`,
      `{"query":"${query}","bodyBase64":"e30=","contentType":"text/plain\\r\\nX-Other: 1"}`,
      `{"query":"${query}","body":"{}","contentType":"文"}`,
      `{"__proto__":{"query":"${query}","body":"{}"}}`,
      '[1]',
      `{"query":"${query}","body":{"b":1},"contentType":"application/json; charset=utf-8"}`,
      `{"CallbackCommand":"C2C.CallbackAfterMsgWithDraw","a":${deep}}`,
    ]
    writeFileSync(path, lines.join('\n'))
    const found: string[] = []
    for await (const one of readWebhooks(path))
      found.push('problem' in one ? one.problem : `${one.query.get('CallbackCommand')} ${one.body.length}`)
    expect(found).to.deep.equal([
      'has no body, or one that is nested too deeply',
      'has a contentType that cannot be a header',
      'has a contentType that cannot be a header',
      'has neither query and body, nor CallbackCommand',
      'is not an object in JSON',
      'Group.CallbackAfterRecallMsg 7',
      `C2C.CallbackAfterMsgWithDraw ${lines[6]?.length}`,
    ])
  })
})
