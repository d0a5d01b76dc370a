import { expect } from 'chai'
import fc from 'fast-check'
import { parseQuery } from '../../server/receiver/caller.ts'

const NAMES = ['SdkAppid', 'Sign', 'RequestTime', 'ClientIP']

/** Names that are the documented ones, begin like them, or are spelled otherwise; with values, empty ones, and none. */
const name = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.constantFrom('sign', 'Signature', 'SdkAppId', 'Sig', '', '?Sign', 'Sign%20', 'S+gn'),
)
const value = fc.oneof(
  fc.constantFrom('1400000000', '', 'a=b', '=', '?', 'a%20b', 'a+b', '%zz', 'é', '127.0.0.1'),
  fc.string({ maxLength: 8 }),
)
const parameter = fc.oneof(
  fc.tuple(name, value).map(([one, other]) => `${one}=${other}`),
  name,
  fc.constant(''),
)

/** As the standard has it, and in any case if nothing has this name. */
function expected(text: string, wanted: string): string | undefined {
  const parameters = new URLSearchParams(text)
  const other = [...parameters].find(([key]) => key.toLowerCase() === wanted.toLowerCase())?.[1]
  return (parameters.get(wanted) ?? other) || undefined
}

describe('the query of a webhook', () => {
  it('is read as the standard reads it, whatever it holds', () => {
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 6 }), fc.constantFrom(...NAMES), (parameters, wanted) => {
        const text = parameters.join('&')
        expect(parseQuery(text).get(wanted)).to.equal(expected(text, wanted))
      }),
      { numRuns: 5_000 },
    )
  })
})
