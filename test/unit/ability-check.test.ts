import { expect } from 'chai'
import { pino } from 'pino'
import { createAbilityCheck } from '../../server/broker/redis/ability-check.ts'

const replyOf = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })
const FULL = replyOf("OOM command not allowed when used memory > 'maxmemory'.")
const READ_ONLY = replyOf("READONLY You can't write against a read only replica.")
const NO_RIGHT = replyOf('NOPERM No permissions to access a key')

describe('what Redis has refused, and does not refuse any more', () => {
  const start = async () => {
    const check = createAbilityCheck({
      trials: [{ ability: 'store recalls', run: async () => undefined }],
      isConnected: () => true,
      mode: 'single',
      onRound: async () => undefined,
      log: pino({ level: 'silent' }),
    })
    await check.run()
    return check
  }

  it('is no warning about some keys where there is one key', async () => {
    const check = await start()
    check.onFailure('report heartbeats', READ_ONLY)
    expect(check.warnings().join()).to.include('cannot report heartbeats: READONLY')
    check.onSuccess('report heartbeats')
    expect(check.warnings()).to.deep.equal([])
    check.stop()
  })

  it('is a warning about some keys until a trial passes, and longer if rights may be about keys', async () => {
    const check = await start()
    for (const [error, isLonger] of [
      [FULL, false],
      [NO_RIGHT, true],
    ] as const) {
      check.onFailure('store recalls', error)
      check.onSuccess('store recalls')
      expect(check.warnings().join()).to.include('cannot store recalls for some keys')
      await check.run()
      expect(check.warnings()).to.have.lengthOf(isLonger ? 1 : 0)
    }
    check.stop()
  })
})
