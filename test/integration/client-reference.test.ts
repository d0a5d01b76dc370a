import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect } from 'chai'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const ENTRY = join(ROOT, 'dist/client-package/esm/client.d.ts')

interface Declaration {
  readonly name: string
  readonly members: readonly { readonly name: string }[]
}

interface Reference {
  readReference(entry: string): readonly Declaration[]
  undocumented(declarations: readonly Declaration[]): readonly string[]
  unnamedTypes(declarations: readonly Declaration[]): readonly string[]
}

describe('the reference of the client', () => {
  let reference: Reference
  let declarations: readonly Declaration[]
  before(async () => {
    const script = pathToFileURL(join(ROOT, 'server/build/reference.mjs')).href
    reference = (await import(script)) as Reference
    declarations = reference.readReference(ENTRY)
  })

  it('describes everything that the client exports, with a docstring for each member', () => {
    const client = declarations.find(({ name }) => name === 'RecallClient')
    expect(client?.members.map(({ name }) => name)).to.include.members(['state', 'subscribe', 'recalled'])
    expect(reference.undocumented(declarations)).to.deep.equal([])
  })

  it('names no type that an app cannot import', () => {
    expect(reference.unnamedTypes(declarations)).to.deep.equal([])
  })

  it('is a page of the documents, with each declaration', () => {
    const page = readFileSync(join(ROOT, 'dist/server/docs/client-reference.html'), 'utf8')
    for (const { name, members } of declarations) {
      expect(page).to.include(`<h2 id="${name}">${name}</h2>`)
      for (const member of members) expect(page, `${name}.${member.name}`).to.include(member.name)
    }
  })
})
