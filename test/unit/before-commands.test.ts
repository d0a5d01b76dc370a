import { expect } from 'chai'
import {
  BEFORE_COMMAND_NAMES,
  denial,
  isBeforeCommand,
  noOpinion,
} from '../../server/receiver/commands/before-commands.ts'

const OK = { ActionStatus: 'OK', ErrorInfo: '', ErrorCode: 0 }

describe('no opinion', () => {
  it('is a plain OK for most commands', () => {
    expect(noOpinion('Group.CallbackBeforeSendMsg', {})).to.deep.equal(OK)
    expect(noOpinion('Never.HeardOf', {})).to.deep.equal(OK)
  })

  it('allows each account of a friend request by name', () => {
    const ResultItem = [
      { To_Account: 'id1', ResultCode: 0, ResultInfo: '' },
      { To_Account: 'id2', ResultCode: 0, ResultInfo: '' },
    ]
    const accounts = [{ To_Account: 'id1', Remark: 'r' }, { To_Account: 'id2' }]
    expect(noOpinion('Sns.CallbackPrevFriendAdd', { FriendItem: accounts })).to.deep.equal({
      ...OK,
      ResultItem,
    })
    expect(noOpinion('Sns.CallbackPrevFriendResponse', { ResponseFriendItem: accounts })).to.deep.equal({
      ...OK,
      ResultItem,
    })
  })

  it('tolerates a friend request of any shape', () => {
    for (const FriendItem of [undefined, null, 'x', [null, 1, {}]]) {
      expect(noOpinion('Sns.CallbackPrevFriendAdd', { FriendItem })).to.have.property('ErrorCode', 0)
    }
  })

  it('says that there is no chatbot for a chatbot signal', () => {
    expect(noOpinion('Chatbot.OnC2CSignalMessage', {})).to.include({ ErrorCode: 1, RspData: '' })
  })
})

describe('a denial', () => {
  const refused = { ActionStatus: 'OK', ErrorCode: 1 }

  it('has the code 1 for most commands', () => {
    for (const command of BEFORE_COMMAND_NAMES.filter((name) => !name.startsWith('Sns.')))
      expect(denial(command, {}), command).to.include(refused)
  })

  it('refuses each account of a friend request by name, without a code for all', () => {
    const accounts = [{ To_Account: 'id1' }, { To_Account: 'id2' }]
    for (const [command, list] of [
      ['Sns.CallbackPrevFriendAdd', 'FriendItem'],
      ['Sns.CallbackPrevFriendResponse', 'ResponseFriendItem'],
    ] as const) {
      const { ErrorCode, ResultItem } = denial(command, { [list]: accounts })
      expect(ErrorCode).to.equal(0)
      expect(ResultItem).to.deep.equal(
        ['id1', 'id2'].map((To_Account) => ({
          To_Account,
          ResultCode: 38_000,
          ResultInfo: 'refused in the place of the backend',
        })),
      )
    }
  })

  it('refuses everybody who is invited', () => {
    const DestinationMembers = [{ Member_Account: 'bob' }, { Member_Account: 'peter' }]
    expect(denial('Group.CallbackBeforeInviteJoinGroup', { DestinationMembers })).to.deep.include({
      ...refused,
      RefusedMembers_Account: ['bob', 'peter'],
    })
  })

  it('is a plain OK for what asks nothing, whatever its name is', () => {
    for (const command of ['Group.CallbackAfterSendMsg', 'Never.CallbackBeforeHeardOf', 'toString', ''])
      expect([isBeforeCommand(command), denial(command, {})], command).to.deep.equal([false, OK])
  })
})
