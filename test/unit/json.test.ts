import { expect } from 'chai'
import { isRecord } from '../../shared/json.ts'

describe('parsed JSON', () => {
  it('is a record if it is an object, and nothing else', () => {
    for (const text of ['{}', '{"a":1}']) expect(isRecord(JSON.parse(text)), text).to.equal(true)
    for (const text of ['null', '[]', '1', '"a"', 'true'])
      expect(isRecord(JSON.parse(text)), text).to.equal(false)
  })
})
