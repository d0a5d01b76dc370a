import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { compileModel, readModel } from '../support/spin.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const FOLDER = fileURLToPath(new URL('../../../shared/model/', import.meta.url))
const SEARCH_TIMEOUT_MS = 600_000

const models = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.pml') && file !== 'checks.pml')
  .map((file) => readModel(join(FOLDER, file)))

for (const model of models) {
  describe(`the model of the protocol: ${model.name}`, function () {
    this.timeout(SEARCH_TIMEOUT_MS)
    const folder = temporaryFolder()
    let checker: Awaited<ReturnType<typeof compileModel>>

    before(async () => {
      checker = await compileModel(model, folder.path)
    })

    after(folder.remove)

    it('has each property in every state and execution, and every situation occurs', async () => {
      const { isComplete, errors, violated, reached, output } = await checker.search()
      if (errors !== 0) expect.fail(`${violated} is violated:\n${await checker.trail()}`)
      expect(isComplete, output).to.equal(true)
      expect(reached).to.deep.equal(model.situations)
    })

    it('has a defect that refutes each property', () => {
      const refuted = new Set(model.defects.map(({ property }) => property))
      expect([...refuted].sort()).to.deep.equal([...model.safety, ...model.liveness].sort())
    })

    for (const defect of model.defects) {
      it(`${defect.name} is refuted by ${defect.property}`, async () => {
        const { violated, output } = await checker.search(defect)
        expect(violated, output).to.equal(defect.property)
      })
    }
  })
}
