import { expect } from 'chai'
import { GatewayError } from '../../shared/errors.ts'
import { createAnswering } from '../../server/receiver/quarantine/answering.ts'
import { openQuarantine } from '../../server/receiver/quarantine/quarantine-files.ts'
import { decodeAnswer } from '../../server/receiver/quarantine/questions.ts'
import { createRetrying } from '../../server/receiver/quarantine/retrying.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { quarantinedRecall } from '../support/quarantine.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const filter = {}

describe('questions about a quarantine', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const quarantine = await openQuarantine({ dataDir: folder.path })
    onCleanUp(quarantine.close)
    for (let seq = 0; seq < 3; seq++) await quarantine.addRecall(quarantinedRecall(seq))
    const accept = async (): Promise<void> => undefined
    const retrying = createRetrying({
      quarantine,
      retryWebhook: accept,
      retryRelay: accept,
      log: {} as never,
    })
    return { quarantine, answer: createAnswering('f', { quarantine, retrying }) }
  }
  const codeOf = (answering: Promise<string>): Promise<unknown> =>
    answering.then(
      () => 'answered',
      (error: unknown) => (error instanceof GatewayError ? error.code : error),
    )

  it('that make no sense are refused, and change nothing', async () => {
    const { quarantine, answer } = await setUp()
    for (const question of [
      {},
      [],
      null,
      { ask: 'other' },
      { ask: 'constructor' },
      { ask: 'drop' },
      { ask: 'drop', id: '1' },
      { ask: 'drop', id: -1 },
      { ask: 'drop-matching', filter },
      { ask: 'drop-matching', afterId: 0 },
      { ask: 'drop-matching', filter: { kind: 'other' }, afterId: 0 },
      { ask: 'retry-matching', filter: { reason: 1 }, afterId: 0 },
      { ask: 'list', filter, order: 'newest' },
      { ask: 'list', filter, order: 'newest', limit: 101 },
      { ask: 'list', filter, order: 'other', limit: 1 },
      { ask: 'list', filter, order: 'newest', limit: 1, after: { id: 1 } },
    ])
      expect(await codeOf(answer(JSON.stringify(question))), JSON.stringify(question)).to.equal(
        'REQUEST_MALFORMED',
      )
    expect(await codeOf(answer('{'))).to.equal('REQUEST_MALFORMED')
    expect(quarantine.size()).to.equal(3)
  })

  it('of a later version may say more', async () => {
    const { answer } = await setUp()
    const question = { ask: 'list', filter: { also: 1 }, order: 'oldest', limit: 2, more: [] }
    const list = decodeAnswer('list', await answer(JSON.stringify(question)))
    expect(list.entries.map(({ id }) => id)).to.deep.equal([1, 2])
    expect(list).to.include({ more: true, matching: 3, held: 3 })
  })

  it('have answers that are checked as well', async () => {
    const { answer } = await setUp()
    const shown = await answer(JSON.stringify({ ask: 'show', id: 1 }))
    expect(decodeAnswer('show', shown)).to.include({ id: 1, kind: 'recall' })
    for (const [ask, json] of [
      ['list', shown],
      ['retry', '{}'],
      ['drop', '{"dropped":"1"}'],
      ['show', 'null'],
      ['show', shown.replace('"recall"', '"other"')],
    ] as const)
      expect(() => decodeAnswer(ask, json), ask)
        .to.throw(GatewayError)
        .with.property('code', 'PROCESS_UNREACHABLE')
  })
})
