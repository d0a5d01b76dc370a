import fc from 'fast-check'
import { expect } from 'chai'
import { Fifo } from '../../server/lib/fifo.ts'

const operation = fc.oneof(
  fc.record({
    kind: fc.constant('push' as const),
    value: fc.nat(1_000),
    times: fc.integer({ min: 1, max: 900 }),
  }),
  fc.record({ kind: fc.constant('insert' as const), value: fc.nat(1_000), times: fc.constant(1) }),
  fc.record({
    kind: fc.constant('shift' as const),
    value: fc.constant(0),
    times: fc.integer({ min: 1, max: 1_500 }),
  }),
)

describe('fifo', () => {
  it('is an array, whatever is put in and taken out', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
        const fifo = new Fifo<number>()
        const model: number[] = []
        for (const { kind, value, times } of operations)
          for (let i = 0; i < times; i++) {
            if (kind === 'shift') expect(fifo.shift()).to.equal(model.shift())
            else if (kind === 'push') {
              fifo.push(value + i)
              model.push(value + i)
            } else {
              const after = model.findLastIndex((other) => other <= value)
              fifo.insert(value, (other) => other > value)
              model.splice(after + 1, 0, value)
            }
            expect([fifo.size, fifo.first]).to.deep.equal([model.length, model[0]])
          }
        while (model.length > 0) expect(fifo.shift()).to.equal(model.shift())
        expect(fifo.shift()).to.equal(undefined)
      }),
    )
  })
})
