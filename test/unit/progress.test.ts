import { expect } from 'chai'
import { watched } from '../../server/cli/verify.ts'

/** Reads a file of as many lines, each of which takes 100 ms to check. Returns what was told meanwhile. */
async function toldOf(count: number, isWatched: boolean): Promise<string[]> {
  const told: string[] = []
  const tell = (text = ''): void => void told.push(text)
  const terminal = isWatched
    ? { show: tell, tell: () => expect.fail('not in one line') }
    : { show: undefined, tell }
  let nowMs = 0
  async function* lines(): AsyncGenerator<Buffer> {
    for (let i = 0; i < count; i++) yield Buffer.from('{}')
  }
  let read = 0
  for await (const _line of watched(lines(), terminal, () => nowMs)) {
    nowMs += 100
    read++
  }
  expect(read).to.equal(count)
  return told
}

describe('verify, while it reads a long file', () => {
  it('says how far it is: often in one line to a person who watches, otherwise every few seconds', async () => {
    expect(await toldOf(7, true)).to.deep.equal(['3 lines checked', '6 lines checked'])
    expect(await toldOf(120, false)).to.deep.equal(['50 lines checked', '100 lines checked'])
    expect(await toldOf(49, false)).to.deep.equal([])
  })
})
