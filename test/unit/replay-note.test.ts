import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openNote } from '../../server/cli/replay-note.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('the note of a replay', () => {
  const folder = temporaryFolder()
  const [file, note] = ['webhooks', 'note'].map((name) => join(folder.path, name)) as [string, string]
  after(folder.remove)

  it('goes on with what was refused and what is new, also of a file that has grown', () => {
    writeFileSync(file, '\n{"a":1}\n')
    const first = openNote(note, file)
    expect([first.line, [...first.refused]]).to.deep.equal([0, []])
    for (const line of [2, 3, 4]) first.done(line, line === 4)
    appendFileSync(file, `${'x'.repeat(200_000)}\n`)
    const second = openNote(note, file)
    expect([second.line, [...second.refused]]).to.deep.equal([4, [2, 3]])
    second.done(2, true)
    appendFileSync(file, 'more\n')
    const third = openNote(note, file)
    expect([third.line, [...third.refused]]).to.deep.equal([4, [3]])
  })

  it('is about one file, though others begin with the same line, and refuses what is none', () => {
    writeFileSync(file, '\n{"b":1}\n')
    expect(() => openNote(note, file)).to.throw('is about another file')
    for (const text of [
      'nonsense',
      '{"file":"x","line":3}',
      readFileSync(note, 'utf8').replace('[3]', '[9]'),
    ]) {
      writeFileSync(note, text)
      expect(() => openNote(note, file), text).to.throw('holds no note of a replay')
    }
    expect(() => openNote(note, folder.path)).to.throw('needs a file on disk')
  })
})
