import { expect } from 'chai'
import { noOpinion } from '../../server/receiver/responses.ts'

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
