import { expect } from 'chai'
import { tableOf } from '../../server/cli/table.ts'

describe('the tables of commands', () => {
  it('stand below each other in a terminal, which shows Chinese in two columns and marks in none', () => {
    expect(
      tableOf(
        ['NAME', 'VALUE'],
        [
          ['ENVIRONMENT', '生产环境'],
          ['ｗｉｄｅ', 'x'],
          ['cafe\u0301', '1'],
          ['部署🚀', 'y'],
        ],
      ),
    ).to.deep.equal([
      'NAME         VALUE',
      'ENVIRONMENT  生产环境',
      'ｗｉｄｅ     x',
      'cafe\u0301         1',
      '部署🚀       y',
    ])
  })
})
